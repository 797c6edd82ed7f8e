"""How much a model can write in one answer."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """0: as the start catalogue says, or not known."""
    op.add_column("models", sa.Column("max_output", sa.BigInteger(), server_default="0", nullable=False))

"""What keeps calls on one channel, by group and by model."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column each; empty is the default."""
    for table in ("groups", "models"):
        op.add_column(table, sa.Column("affinity", sa.Text(), server_default="", nullable=False))

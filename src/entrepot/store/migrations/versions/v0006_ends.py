"""How calls end: policies of groups, and what a call did not cost because of one."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns with defaults: nodes of the version before go on writing."""
    op.add_column("groups", sa.Column("disconnect", sa.Text(), server_default="model", nullable=False))
    op.add_column("groups", sa.Column("free_interrupted", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("usage", sa.Column("disconnect", sa.Text(), server_default="", nullable=False))
    op.add_column("usage", sa.Column("waived", sa.BigInteger(), server_default="0", nullable=False))

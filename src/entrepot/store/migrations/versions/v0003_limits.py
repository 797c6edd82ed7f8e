"""Rate limits of users, groups and models, and what workers share of all limits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A column each for who may be limited, and three tables without money."""
    for table in ("users", "groups", "models"):
        op.add_column(table, sa.Column("limits", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "limit_workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_workers")),
    )
    op.create_table(
        "limit_leases",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "worker", name=op.f("pk_limit_leases")),
    )
    op.create_index("ix_limit_leases_worker", "limit_leases", ["worker"], unique=False)
    op.create_table(
        "limit_uses",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "slot", name=op.f("pk_limit_uses")),
    )
    op.create_index("ix_limit_uses_slot", "limit_uses", ["slot"], unique=False)

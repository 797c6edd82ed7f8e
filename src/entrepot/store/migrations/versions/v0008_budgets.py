"""Budgets: what a user or a key may spend in a period, and when a bucket has served its time."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, and a time on buckets."""
    op.add_column("buckets", sa.Column("ends_at", sa.BigInteger(), nullable=True))
    ended = sa.text("ends_at IS NOT NULL")
    op.create_index("ix_buckets_ends_at", "buckets", ["ends_at"], unique=False, postgresql_where=ended, sqlite_where=ended)
    op.create_table(
        "budgets",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("bucket_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("period IN ('day', 'week', 'month', 'total')", name=op.f("ck_budgets_period")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_budgets_amount")),
        sa.PrimaryKeyConstraint("scope", "period", name=op.f("pk_budgets")),
    )

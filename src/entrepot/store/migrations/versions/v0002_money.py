"""Money: buckets, leases, journals, ledger, and what a call was charged."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """New tables, the house account, and a bucket for each user and each key with a quota."""
    _create_buckets()
    _create_workers()
    _create_journals()
    _create_ledger()
    _charge_usage()
    _fill_buckets()


def _create_buckets() -> None:
    op.create_table(
        "buckets",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cap", sa.BigInteger(), nullable=True),
        sa.Column("lack", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('wallet', 'quota', 'budget', 'house')", name=op.f("ck_buckets_kind")),
        sa.CheckConstraint("remaining >= 0 OR kind = 'house'", name=op.f("ck_buckets_remaining")),
        sa.CheckConstraint("lack >= 0", name=op.f("ck_buckets_lack")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buckets")),
        sa.UniqueConstraint("ref", name=op.f("uq_buckets_ref")),
        sqlite_autoincrement=True,
    )


def _create_workers() -> None:
    op.create_table(
        "incarnations",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="live", nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('live', 'retired')", name=op.f("ck_incarnations_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incarnations")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_incarnations_state", "incarnations", ["state"], unique=False)
    op.create_table(
        "leases",
        sa.Column("bucket_id", _id(), nullable=False),
        sa.Column("incarnation_id", _id(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("spent >= 0 AND spent <= granted", name=op.f("ck_leases_spent")),
        sa.ForeignKeyConstraint(["bucket_id"], ["buckets.id"], name=op.f("fk_leases_bucket_id")),
        sa.ForeignKeyConstraint(["incarnation_id"], ["incarnations.id"], name=op.f("fk_leases_incarnation_id")),
        sa.PrimaryKeyConstraint("bucket_id", "incarnation_id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_incarnation_id"), "leases", ["incarnation_id"], unique=False)
    op.create_table(
        "recalls",
        sa.Column("incarnation_id", sa.BigInteger(), nullable=False),
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation_id", "bucket_id", name=op.f("pk_recalls")),
    )


def _create_journals() -> None:
    op.create_table(
        "journals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incarnation_id", _id(), nullable=False),
        sa.Column("applied", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("ck_journals_state")),
        sa.ForeignKeyConstraint(["incarnation_id"], ["incarnations.id"], name=op.f("fk_journals_incarnation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journals")),
    )
    op.create_index(op.f("ix_journals_incarnation_id"), "journals", ["incarnation_id"], unique=False)
    op.create_table(
        "journal_rejects",
        sa.Column("journal_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "position", name=op.f("pk_journal_rejects")),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("bucket_id", _id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["bucket_id"], ["buckets.id"], name=op.f("fk_ledger_bucket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("reference", name=op.f("uq_ledger_reference")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_bucket_id_at", "ledger", ["bucket_id", "at"], unique=False)


def _charge_usage() -> None:
    for column in (
        sa.Column("wallet_id", sa.BigInteger(), nullable=True),
        sa.Column("charge", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("shortfall", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("prices", sa.Text(), server_default="{}", nullable=False),
        sa.Column("ratio_ppm", sa.BigInteger(), server_default="1000000", nullable=False),
        sa.Column("price_book", sa.Text(), server_default="", nullable=False),
        sa.Column("journal", sa.Text(), nullable=True),
    ):
        op.add_column("usage", column)
    texts = ("group_name", "model")
    keys = ("hour", "user_id", "key_id", "group_name", "model", "channel_id")
    sums = ("calls", "faults", "prompt_tokens", "output_tokens", "charge", "shortfall")
    op.create_table(
        "usage_hourly",
        *(sa.Column(name, sa.Text() if name in texts else sa.BigInteger(), nullable=False) for name in (*keys, *sums)),
        sa.PrimaryKeyConstraint(*keys, name=op.f("pk_usage_hourly")),
    )


def _fill_buckets() -> None:
    # The house account comes first: it is bucket 1, and the program counts on it.
    op.execute("INSERT INTO buckets (kind, ref, created_at) VALUES ('house', 'house', 0)")
    op.execute("INSERT INTO buckets (kind, ref, created_at) SELECT 'wallet', 'wallet:user:' || id, created_at FROM users")
    op.execute(
        "INSERT INTO buckets (kind, ref, remaining, cap, created_at) "
        "SELECT 'quota', 'quota:key:' || id, quota, quota, created_at FROM keys WHERE quota IS NOT NULL AND quota >= 0"
    )


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")

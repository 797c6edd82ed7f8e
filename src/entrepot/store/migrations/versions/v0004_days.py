"""Usage by the day: partitions on PostgreSQL, sealed totals of what is deleted, sums by the hour that answer reports.

Nodes of the version before may go on writing: names, columns and the key of `usage` stay as they were, and what is
new has defaults.
"""
# ruff: noqa: S608  # names are made of digits here

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

from entrepot.store.partitions import BEFORE, DAYS_AHEAD, DEFAULT, first_id, make

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = (("ix_usage_key_id_id", "key_id, id"), ("ix_usage_user_id_id", "user_id, id"))
_SUMS = ("calls", "faults", "prompt_tokens", "output_tokens", "charge", "shortfall", "bytes_in", "bytes_out", "total_us")


def upgrade() -> None:
    """A table of totals, more sums, and days."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        # Whoever writes has committed before, or waits: the sums below miss nothing.
        op.execute("LOCK TABLE usage IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "usage_seals",
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("wallet_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("charge", "shortfall")),
        sa.PrimaryKeyConstraint("part", "day", "wallet_id", name=op.f("pk_usage_seals")),
    )
    op.add_column("journals", sa.Column("sealed", sa.BigInteger(), server_default="0", nullable=False))
    _sum_hours()
    for name in ("ix_usage_arrived_at", "ix_usage_key_id_arrived_at", "ix_usage_user_id_arrived_at"):
        op.drop_index(name, "usage")
    if postgresql:
        _make_days()
    else:
        for name, columns in _INDEXES:
            op.execute(f"CREATE INDEX {name} ON usage ({columns})")


def _sum_hours() -> None:
    """All sums anew: calls that were written before there was money were not in them."""
    for name in ("bytes_in", "bytes_out", "total_us"):
        op.add_column("usage_hourly", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_usage_hourly_user_id_key_id", "usage_hourly", ["user_id", "key_id", "hour"], unique=False)
    op.execute("DELETE FROM usage_hourly")
    sums = ("count(*)", "sum(CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END)", *(f"sum({name})" for name in _SUMS[2:]))
    keys = (
        "CAST(arrived_at / 3600000000 AS BIGINT), coalesce(user_id, 0), coalesce(key_id, 0), "
        "coalesce(group_name, ''), model, coalesce(channel_id, 0)"
    )
    op.execute(
        f"INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, {', '.join(_SUMS)}) "
        f"SELECT {keys}, {', '.join(sums)} FROM usage GROUP BY 1, 2, 3, 4, 5, 6"
    )


def _make_days() -> None:
    """Rows that are there become the first partition as they are; from tomorrow each day has its own."""
    today: date = op.get_bind().execute(sa.text("SELECT (now() AT TIME ZONE 'UTC')::date")).scalar_one()
    filled = op.get_bind().execute(sa.text("SELECT EXISTS (SELECT 1 FROM usage)")).scalar_one()
    op.execute(f"ALTER TABLE usage RENAME TO {BEFORE}")
    op.execute(f"ALTER TABLE {BEFORE} RENAME CONSTRAINT pk_usage TO pk_{BEFORE}")
    # Bytes compare alike on every system and in every version of its library, and quicker.
    op.execute(f'ALTER TABLE {BEFORE} ALTER COLUMN id TYPE TEXT COLLATE "C"')
    op.execute(f"CREATE TABLE usage (LIKE {BEFORE} INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (id)")
    op.execute("ALTER TABLE usage ADD CONSTRAINT pk_usage PRIMARY KEY (id)")
    for name, columns in _INDEXES:
        op.execute(f"CREATE INDEX {name} ON usage ({columns})")
    op.execute(f"CREATE TABLE {DEFAULT} PARTITION OF usage DEFAULT")
    first = today + timedelta(days=1) if filled else today
    if filled:
        strange = f"id >= '{first_id(first)}'"  # minted by a clock that is ahead
        op.execute(f"INSERT INTO {DEFAULT} SELECT * FROM {BEFORE} WHERE {strange}")
        op.execute(f"DELETE FROM {BEFORE} WHERE {strange}")
        op.execute(f"ALTER TABLE usage ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ('{first_id(first)}')")
    else:
        op.execute(f"DROP TABLE {BEFORE}")
    for offset in range(DAYS_AHEAD + 1):
        day = first + timedelta(days=offset)
        if op.get_bind().execute(sa.text(f"SELECT count(*) FROM {DEFAULT} WHERE {_within(day)}")).scalar_one() == 0:
            for statement in make(day):
                op.execute(statement)


def _within(day: date) -> str:
    return f"id >= '{first_id(day)}' AND id < '{first_id(day + timedelta(days=1))}'"

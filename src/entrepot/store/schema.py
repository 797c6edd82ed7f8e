"""The tables. One definition for SQLite and PostgreSQL; migrations/ brings a database here."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text
from sqlalchemy import text as sql

from entrepot.store.columns import Id, call_id, integer, row_id, text, time
from entrepot.store.columns import metadata as metadata

settings = Table("settings", metadata, Column("name", Text, primary_key=True), text("value"))

feed_head = Table("feed_head", metadata, Column("id", Integer, primary_key=True), integer("v"))
"""One row. Its number is taken by UPDATE … RETURNING inside the writing transaction."""

feed = Table(
    "feed", metadata, Column("v", Id, primary_key=True, autoincrement=False), text("kind"), text("ref", ""), time("at")
)
"""What changed: kind `snapshot`, `key` with its SHA-256 as ref, or `vendor_key`."""

users = Table(
    "users",
    metadata,
    row_id(),
    text("name", unique=True),
    text("role", "user"),
    text("password_hash", nullable=True),
    text("group_name", "default"),
    text("status", "enabled"),
    time("created_at"),
    text("limits", "{}"),
    sqlite_autoincrement=True,
)
"""`limits`, here and of groups and models: {"rpm", "tpm", "concurrency"}, what is not named is unlimited."""

admin_tokens = Table(
    "admin_tokens",
    metadata,
    row_id(),
    text("name"),
    text("sha256", unique=True),
    time("created_at"),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    row_id(),
    text("name", unique=True),
    integer("ratio_ppm", 1_000_000),
    text("description", ""),
    integer("public", 1),
    time("created_at"),
    text("limits", "{}"),
    text("disconnect", "model"),
    integer("free_interrupted", 0),
    text("affinity", ""),
    sqlite_autoincrement=True,
)

keys = Table(
    "keys",
    metadata,
    row_id(),
    Column("user_id", Id, ForeignKey("users.id"), nullable=False, index=True),
    text("name"),
    text("sha256", unique=True),
    text("hint"),
    text("groups", "[]"),
    text("models", "[]"),
    text("networks", "[]"),
    time("expires_at", nullable=True),
    text("status", "enabled"),
    integer("quota", nullable=True),
    integer("rpm", nullable=True),
    integer("tpm", nullable=True),
    integer("concurrency", nullable=True),
    time("created_at"),
    sqlite_autoincrement=True,
)

channels = Table(
    "channels",
    metadata,
    row_id(),
    text("name", unique=True),
    text("provider"),
    text("base_url", ""),
    text("api", ""),
    text("models", "[]"),
    text("model_map", "{}"),
    text("groups", '["default"]'),
    integer("priority", 0),
    integer("weight", 1),
    text("headers", "{}"),
    text("overrides", "{}"),
    text("proxy", ""),
    text("limits", "{}"),
    text("timeouts", "{}"),
    text("status", "enabled"),
    time("created_at"),
    sqlite_autoincrement=True,
)

channel_keys = Table(
    "channel_keys",
    metadata,
    row_id(),
    Column("channel_id", Id, ForeignKey("channels.id", ondelete="CASCADE"), nullable=False, index=True),
    integer("position"),
    Column("secret", LargeBinary, nullable=False),
    text("hint"),
    text("status", "enabled"),
    text("reason", ""),
    integer("rests_until", 0),
    integer("tries", 0),
    Index("ix_channel_keys_rests_until", "rests_until"),
    sqlite_autoincrement=True,
)
"""Status is `enabled` or `disabled` by the operator, `cooled` or `broken` by workers (docs/decisions/0010), with a reason,
until `rests_until` (0: it does not rest), found broken `tries` times in a row.
"""

models = Table(
    "models",
    metadata,
    row_id(),
    text("name", unique=True),
    text("description", ""),
    text("owner", ""),
    text("disconnect", "cancel"),
    text("timeouts", "{}"),
    time("created_at"),
    text("limits", "{}"),
    text("affinity", ""),
    integer("max_output", 0),
    sqlite_autoincrement=True,
)

prices = Table(
    "prices",
    metadata,
    row_id(),
    Column("model_id", Id, ForeignKey("models.id", ondelete="CASCADE"), nullable=False, index=True),
    text("kind"),
    integer("nano"),
    text("conditions", "{}"),
    time("valid_from"),
    sqlite_autoincrement=True,
)
"""`nano` is nano-USD per 1 M tokens, or per unit for `call`, `image`, `second`, `character`."""

usage = Table(
    "usage",
    metadata,
    call_id(),
    text("day"),
    time("arrived_at"),
    text("operation"),
    text("dialect"),
    integer("status"),
    text("outcome"),
    text("fault", nullable=True),
    text("model"),
    integer("stream"),
    text("address"),
    text("client_id", nullable=True),
    integer("user_id", nullable=True),
    integer("key_id", nullable=True),
    text("group_name", nullable=True),
    integer("channel_id", nullable=True),
    text("upstream_model", nullable=True),
    text("attempts", "[]"),
    text("tokens", "{}"),
    text("basis"),
    integer("prompt_tokens"),
    integer("output_tokens"),
    integer("ttft_us", nullable=True),
    integer("total_us"),
    integer("bytes_in"),
    integer("bytes_out"),
    text("dropped", "[]"),
    integer("wallet_id", nullable=True),
    integer("charge", 0),
    integer("shortfall", 0),
    integer("held", 0),
    text("prices", "{}"),
    integer("ratio_ppm", 1_000_000),
    text("price_book", ""),
    text("journal", nullable=True),
    text("disconnect", ""),
    integer("waived", 0),
    Index("ix_usage_key_id_id", "key_id", "id"),
    Index("ix_usage_user_id_id", "user_id", "id"),
    postgresql_partition_by="RANGE (id)",
)
"""One row a call. `address` is the client's; no content is ever stored.

Ids sort by time and begin with their UTC day: on PostgreSQL a range of them is a partition (store/partitions.py).
`charge` was paid by bucket `wallet_id`, `shortfall` by the house account; `held` is what the call had reserved
at its end. `prices` maps kinds to nano-USD per 1 M tokens or per unit; `journal` names the journal that settled it.
"""

usage_hourly = Table(
    "usage_hourly",
    metadata,
    integer("hour"),
    integer("user_id"),
    integer("key_id"),
    text("group_name"),
    text("model"),
    integer("channel_id"),
    integer("calls"),
    integer("faults"),
    integer("prompt_tokens"),
    integer("output_tokens"),
    integer("charge"),
    integer("shortfall"),
    integer("bytes_in", 0),
    integer("bytes_out", 0),
    integer("total_us", 0),
    PrimaryKeyConstraint("hour", "user_id", "key_id", "group_name", "model", "channel_id"),
    Index("ix_usage_hourly_user_id_key_id", "user_id", "key_id", "hour"),
)
"""Sums of `usage` rows that were settled; `hour` is hours since 1970 UTC of their arrival, 0 and '' stand for none.

`faults` are calls whose outcome is not `ok`. What is old has one row a day, under the day's first hour (retention).
"""

usage_seals = Table(
    "usage_seals",
    metadata,
    text("part"),
    integer("day"),
    integer("wallet_id"),
    integer("charge"),
    integer("shortfall"),
    PrimaryKeyConstraint("part", "day", "wallet_id"),
)
"""What deleted `usage` rows came to, so that the ledger can still be proved (buckets/verify.py).

`part` is the day that their ids name (YYYYMMDD), `day` that of their arrival in days since 1970 UTC: around
midnight the two may differ. `wallet_id` 0 stands for none.
"""

_ENDED = "ends_at IS NOT NULL"
buckets = Table(
    "buckets",
    metadata,
    row_id(),
    text("kind"),
    text("ref", unique=True),
    integer("remaining", 0),
    integer("cap", nullable=True),
    integer("lack", 0),
    time("created_at"),
    time("ends_at", nullable=True),
    CheckConstraint("kind IN ('wallet', 'quota', 'budget', 'house')", name="kind"),
    CheckConstraint("remaining >= 0 OR kind = 'house'", name="remaining"),
    CheckConstraint("lack >= 0", name="lack"),
    Index("ix_buckets_ends_at", "ends_at", postgresql_where=sql(_ENDED), sqlite_where=sql(_ENDED)),
    sqlite_autoincrement=True,
)
"""What a call may drain (docs/decisions/0005). `remaining` is not leased; `cap` and `lack` are for quotas and budgets.

`ends_at` is when a budget's period ends, or when a cap was lifted: calls that were held before that still settle there.
"""

budgets = Table(
    "budgets",
    metadata,
    text("scope"),
    text("period"),
    integer("amount"),
    integer("bucket_id", nullable=True),
    PrimaryKeyConstraint("scope", "period"),
    CheckConstraint("period IN ('day', 'week', 'month', 'total')", name="period"),
    CheckConstraint("amount >= 0", name="amount"),
)
"""What may be spent in a period by `user:7` (all its keys) or `key:3`. `bucket_id` is of the last period that saw a call."""

incarnations = Table(
    "incarnations",
    metadata,
    row_id(),
    text("node"),
    text("state", "live"),
    integer("turn", 0),
    time("started_at"),
    time("seen_at"),
    Index("ix_incarnations_state", "state"),
    CheckConstraint("state IN ('live', 'retired')", name="state"),
    sqlite_autoincrement=True,
)
"""One life of one worker. `turn` numbers its transactions."""

leases = Table(
    "leases",
    metadata,
    Column("bucket_id", Id, ForeignKey("buckets.id"), nullable=False),
    Column("incarnation_id", Id, ForeignKey("incarnations.id"), nullable=False),
    integer("granted"),
    integer("spent", 0),
    PrimaryKeyConstraint("bucket_id", "incarnation_id"),
    CheckConstraint("spent >= 0 AND spent <= granted", name="spent"),
)
"""What a worker may spend of a bucket without asking. No other index: see migration 0009."""

recalls = Table(
    "recalls",
    metadata,
    integer("incarnation_id"),
    integer("bucket_id"),
    time("at"),
    PrimaryKeyConstraint("incarnation_id", "bucket_id"),
)
"""A worker is asked to give back what it does not use of a bucket."""

journals = Table(
    "journals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incarnation_id", Id, ForeignKey("incarnations.id"), nullable=False, index=True),
    integer("applied", 0),
    integer("floor", 0),
    integer("settled", 0),
    integer("rejected", 0),
    integer("sealed", 0),
    text("state", "open"),
    time("updated_at"),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
)
"""How far a worker's journal is in the database: positions in bytes, and the numbers of its records.

`settled` have a usage row, `sealed` had one that was deleted since, `rejected` are parked."""

journal_rejects = Table(
    "journal_rejects",
    metadata,
    text("journal_id"),
    integer("position"),
    Column("record", LargeBinary, nullable=False),
    text("error"),
    time("at"),
    PrimaryKeyConstraint("journal_id", "position"),
)
"""Records that the database refuses: somebody has to look at them."""

ledger = Table(
    "ledger",
    metadata,
    row_id(),
    Column("bucket_id", Id, ForeignKey("buckets.id"), nullable=False),
    text("kind"),
    integer("amount"),
    text("reference", unique=True),
    text("note", ""),
    time("at"),
    Index("ix_ledger_bucket_id_at", "bucket_id", "at"),
    sqlite_autoincrement=True,
)
"""Every change of a wallet. Kind `usage` is one row a wallet and hour that grows; all others are written once."""

limit_workers = Table("limit_workers", metadata, Column("id", Text, primary_key=True), integer("turn", 0), time("seen_at"))
"""Workers that share rate limits (docs/decisions/0007). `turn` numbers their transactions; silent ones are swept away."""

limit_leases = Table(
    "limit_leases",
    metadata,
    text("scope"),
    text("worker"),
    integer("granted"),
    PrimaryKeyConstraint("scope", "worker"),
)
"""What a worker may let in without asking. Counts while its worker lives."""

limit_uses = Table(
    "limit_uses",
    metadata,
    text("scope"),
    integer("slot"),
    integer("used"),
    PrimaryKeyConstraint("scope", "slot"),
    Index("ix_limit_uses_slot", "slot"),
)
"""Calls or tokens that went through a scope (`key:7:requests`) in one second since 1970 UTC; kept about a minute."""

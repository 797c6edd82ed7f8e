"""The tables. One definition for SQLite and PostgreSQL; migrations/ brings a database here.

Money is BIGINT nano-USD, times are BIGINT microseconds since 1970 UTC, lists and maps are
JSON text: both databases store them alike, and the gateway's raw drivers read them alike.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    """Goes with `sqlite_autoincrement`: an id is never given twice, or old usage rows would name new keys."""
    return Column("id", _Id, Identity(), primary_key=True)


def _time(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _text(name: str, default: str | None = None, *, unique: bool = False, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable, unique=unique, server_default=default)


def _integer(name: str, default: int | None = None, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, server_default=None if default is None else str(default))


settings = Table("settings", metadata, Column("name", Text, primary_key=True), _text("value"))

feed_head = Table("feed_head", metadata, Column("id", Integer, primary_key=True), _integer("v"))
"""One row. Its number is taken by UPDATE … RETURNING inside the writing transaction."""

feed = Table(
    "feed", metadata, Column("v", _Id, primary_key=True, autoincrement=False), _text("kind"), _text("ref", ""), _time("at")
)
"""What changed: kind `snapshot`, or `key` with its SHA-256 as ref."""

users = Table(
    "users",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("role", "user"),
    _text("password_hash", nullable=True),
    _text("group_name", "default"),
    _text("status", "enabled"),
    _time("created_at"),
    _text("limits", "{}"),
    sqlite_autoincrement=True,
)
"""`limits`, here and of groups and models: {"rpm", "tpm", "concurrency"}, what is not named is unlimited."""

admin_tokens = Table(
    "admin_tokens",
    metadata,
    _id(),
    _text("name"),
    _text("sha256", unique=True),
    _time("created_at"),
    sqlite_autoincrement=True,
)

groups = Table(
    "groups",
    metadata,
    _id(),
    _text("name", unique=True),
    _integer("ratio_ppm", 1_000_000),
    _text("description", ""),
    _integer("public", 1),
    _time("created_at"),
    _text("limits", "{}"),
    sqlite_autoincrement=True,
)

keys = Table(
    "keys",
    metadata,
    _id(),
    Column("user_id", _Id, ForeignKey("users.id"), nullable=False, index=True),
    _text("name"),
    _text("sha256", unique=True),
    _text("hint"),
    _text("groups", "[]"),
    _text("models", "[]"),
    _text("networks", "[]"),
    _time("expires_at", nullable=True),
    _text("status", "enabled"),
    _integer("quota", nullable=True),
    _integer("rpm", nullable=True),
    _integer("tpm", nullable=True),
    _integer("concurrency", nullable=True),
    _time("created_at"),
    sqlite_autoincrement=True,
)

channels = Table(
    "channels",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("provider"),
    _text("base_url", ""),
    _text("api", ""),
    _text("models", "[]"),
    _text("model_map", "{}"),
    _text("groups", '["default"]'),
    _integer("priority", 0),
    _integer("weight", 1),
    _text("headers", "{}"),
    _text("overrides", "{}"),
    _text("proxy", ""),
    _text("limits", "{}"),
    _text("timeouts", "{}"),
    _text("status", "enabled"),
    _time("created_at"),
    sqlite_autoincrement=True,
)

channel_keys = Table(
    "channel_keys",
    metadata,
    _id(),
    Column("channel_id", _Id, ForeignKey("channels.id", ondelete="CASCADE"), nullable=False, index=True),
    _integer("position"),
    Column("secret", LargeBinary, nullable=False),
    _text("hint"),
    _text("status", "enabled"),
    _text("reason", ""),
    sqlite_autoincrement=True,
)

models = Table(
    "models",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("description", ""),
    _text("owner", ""),
    _text("disconnect", "cancel"),
    _text("timeouts", "{}"),
    _time("created_at"),
    _text("limits", "{}"),
    sqlite_autoincrement=True,
)

prices = Table(
    "prices",
    metadata,
    _id(),
    Column("model_id", _Id, ForeignKey("models.id", ondelete="CASCADE"), nullable=False, index=True),
    _text("kind"),
    _integer("nano"),
    _text("conditions", "{}"),
    _time("valid_from"),
    sqlite_autoincrement=True,
)
"""`nano` is nano-USD per 1 M tokens, or per unit for `call`, `image`, `second`, `character`."""

usage = Table(
    "usage",
    metadata,
    Column("id", Text, primary_key=True),
    _text("day"),
    _time("arrived_at"),
    _text("operation"),
    _text("dialect"),
    _integer("status"),
    _text("outcome"),
    _text("fault", nullable=True),
    _text("model"),
    _integer("stream"),
    _text("address"),
    _text("client_id", nullable=True),
    _integer("user_id", nullable=True),
    _integer("key_id", nullable=True),
    _text("group_name", nullable=True),
    _integer("channel_id", nullable=True),
    _text("upstream_model", nullable=True),
    _text("attempts", "[]"),
    _text("tokens", "{}"),
    _text("basis"),
    _integer("prompt_tokens"),
    _integer("output_tokens"),
    _integer("ttft_us", nullable=True),
    _integer("total_us"),
    _integer("bytes_in"),
    _integer("bytes_out"),
    _text("dropped", "[]"),
    _integer("wallet_id", nullable=True),
    _integer("charge", 0),
    _integer("shortfall", 0),
    _integer("held", 0),
    _text("prices", "{}"),
    _integer("ratio_ppm", 1_000_000),
    _text("price_book", ""),
    _text("journal", nullable=True),
    Index("ix_usage_key_id_arrived_at", "key_id", "arrived_at"),
    Index("ix_usage_user_id_arrived_at", "user_id", "arrived_at"),
    Index("ix_usage_arrived_at", "arrived_at"),
)
"""One row a call. `address` is the client's; no content is ever stored.

`charge` was paid by bucket `wallet_id`, `shortfall` by the house account; `held` is what the call had reserved
at its end. `prices` maps kinds to nano-USD per 1 M tokens or per unit; `journal` names the journal that settled it.
"""

usage_hourly = Table(
    "usage_hourly",
    metadata,
    _integer("hour"),
    _integer("user_id"),
    _integer("key_id"),
    _text("group_name"),
    _text("model"),
    _integer("channel_id"),
    _integer("calls"),
    _integer("faults"),
    _integer("prompt_tokens"),
    _integer("output_tokens"),
    _integer("charge"),
    _integer("shortfall"),
    PrimaryKeyConstraint("hour", "user_id", "key_id", "group_name", "model", "channel_id"),
)
"""Sums of `usage` rows that were settled; `hour` is hours since 1970 UTC of their arrival, 0 and '' stand for none."""

buckets = Table(
    "buckets",
    metadata,
    _id(),
    _text("kind"),
    _text("ref", unique=True),
    _integer("remaining", 0),
    _integer("cap", nullable=True),
    _integer("lack", 0),
    _time("created_at"),
    CheckConstraint("kind IN ('wallet', 'quota', 'budget', 'house')", name="kind"),
    CheckConstraint("remaining >= 0 OR kind = 'house'", name="remaining"),
    CheckConstraint("lack >= 0", name="lack"),
    sqlite_autoincrement=True,
)
"""What a call may drain (docs/decisions/0005). `remaining` is not leased; `cap` and `lack` are for quotas and budgets."""

incarnations = Table(
    "incarnations",
    metadata,
    _id(),
    _text("node"),
    _text("state", "live"),
    _integer("turn", 0),
    _time("started_at"),
    _time("seen_at"),
    Index("ix_incarnations_state", "state"),
    CheckConstraint("state IN ('live', 'retired')", name="state"),
    sqlite_autoincrement=True,
)
"""One life of one worker. `turn` numbers its transactions."""

leases = Table(
    "leases",
    metadata,
    Column("bucket_id", _Id, ForeignKey("buckets.id"), nullable=False),
    Column("incarnation_id", _Id, ForeignKey("incarnations.id"), nullable=False, index=True),
    _integer("granted"),
    _integer("spent", 0),
    PrimaryKeyConstraint("bucket_id", "incarnation_id"),
    CheckConstraint("spent >= 0 AND spent <= granted", name="spent"),
)
"""What a worker may spend of a bucket without asking."""

recalls = Table(
    "recalls",
    metadata,
    _integer("incarnation_id"),
    _integer("bucket_id"),
    _time("at"),
    PrimaryKeyConstraint("incarnation_id", "bucket_id"),
)
"""A worker is asked to give back what it does not use of a bucket."""

journals = Table(
    "journals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incarnation_id", _Id, ForeignKey("incarnations.id"), nullable=False, index=True),
    _integer("applied", 0),
    _integer("floor", 0),
    _integer("settled", 0),
    _integer("rejected", 0),
    _text("state", "open"),
    _time("updated_at"),
    CheckConstraint("state IN ('open', 'closed')", name="state"),
)
"""How far a worker's journal is in the database: positions in bytes, and the numbers of its settled and parked records."""

journal_rejects = Table(
    "journal_rejects",
    metadata,
    _text("journal_id"),
    _integer("position"),
    Column("record", LargeBinary, nullable=False),
    _text("error"),
    _time("at"),
    PrimaryKeyConstraint("journal_id", "position"),
)
"""Records that the database refuses: somebody has to look at them."""

ledger = Table(
    "ledger",
    metadata,
    _id(),
    Column("bucket_id", _Id, ForeignKey("buckets.id"), nullable=False),
    _text("kind"),
    _integer("amount"),
    _text("reference", unique=True),
    _text("note", ""),
    _time("at"),
    Index("ix_ledger_bucket_id_at", "bucket_id", "at"),
    sqlite_autoincrement=True,
)
"""Every change of a wallet. Kind `usage` is one row a wallet and hour that grows; all others are written once."""

limit_workers = Table("limit_workers", metadata, Column("id", Text, primary_key=True), _integer("turn", 0), _time("seen_at"))
"""Workers that share rate limits (docs/decisions/0007). `turn` numbers their transactions; silent ones are swept away."""

limit_leases = Table(
    "limit_leases",
    metadata,
    _text("scope"),
    _text("worker"),
    _integer("granted"),
    PrimaryKeyConstraint("scope", "worker"),
    Index("ix_limit_leases_worker", "worker"),
)
"""What a worker may let in without asking. Counts while its worker lives."""

limit_uses = Table(
    "limit_uses",
    metadata,
    _text("scope"),
    _integer("slot"),
    _integer("used"),
    PrimaryKeyConstraint("scope", "slot"),
    Index("ix_limit_uses_slot", "slot"),
)
"""Calls or tokens that went through a scope (`key:7:requests`) in one second since 1970 UTC; kept about a minute."""

"""The tables. One definition for SQLite and PostgreSQL; migrations/ brings a database here.

Money is BIGINT nano-USD, times are BIGINT microseconds since 1970 UTC, lists and maps are
JSON text: both databases store them alike, and the gateway's raw drivers read them alike.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
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
    sqlite_autoincrement=True,
)

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
    Index("ix_usage_key_id_arrived_at", "key_id", "arrived_at"),
    Index("ix_usage_user_id_arrived_at", "user_id", "arrived_at"),
    Index("ix_usage_arrived_at", "arrived_at"),
)
"""One row a call. `address` is the client's; no content is ever stored."""

"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All tables, and the one row that numbers changes."""
    _create_state()
    _create_people()
    _create_keys()
    _create_channels()
    _create_models()
    _create_usage()
    op.execute("INSERT INTO feed_head (id, v) VALUES (1, 0)")


def _create_state() -> None:
    """Settings and the change feed."""
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "feed_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("v", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_head")),
    )
    op.create_table(
        "feed",
        sa.Column("v", _id(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("v", name=op.f("pk_feed")),
    )


def _create_people() -> None:
    """Who may call, and who may administer."""
    op.create_table(
        "users",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="user", nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("group_name", sa.Text(), server_default="default", nullable=False),
        sa.Column("status", sa.Text(), server_default="enabled", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "admin_tokens",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_tokens")),
        sa.UniqueConstraint("sha256", name=op.f("uq_admin_tokens_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "groups",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ratio_ppm", sa.BigInteger(), server_default="1000000", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("public", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_groups_name")),
        sqlite_autoincrement=True,
    )


def _create_keys() -> None:
    """What opens the door."""
    op.create_table(
        "keys",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", _id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), server_default="[]", nullable=False),
        sa.Column("models", sa.Text(), server_default="[]", nullable=False),
        sa.Column("networks", sa.Text(), server_default="[]", nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="enabled", nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("rpm", sa.BigInteger(), nullable=True),
        sa.Column("tpm", sa.BigInteger(), nullable=True),
        sa.Column("concurrency", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_keys_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("sha256", name=op.f("uq_keys_sha256")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_keys_user_id"), "keys", ["user_id"], unique=False)


def _create_channels() -> None:
    """Where calls go."""
    op.create_table(
        "channels",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), server_default="", nullable=False),
        sa.Column("api", sa.Text(), server_default="", nullable=False),
        sa.Column("models", sa.Text(), server_default="[]", nullable=False),
        sa.Column("model_map", sa.Text(), server_default="{}", nullable=False),
        sa.Column("groups", sa.Text(), server_default='["default"]', nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("weight", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("headers", sa.Text(), server_default="{}", nullable=False),
        sa.Column("overrides", sa.Text(), server_default="{}", nullable=False),
        sa.Column("proxy", sa.Text(), server_default="", nullable=False),
        sa.Column("limits", sa.Text(), server_default="{}", nullable=False),
        sa.Column("timeouts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), server_default="enabled", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("name", name=op.f("uq_channels_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "channel_keys",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("channel_id", _id(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="enabled", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_channel_keys_channel_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_keys")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_channel_keys_channel_id"), "channel_keys", ["channel_id"], unique=False)


def _create_models() -> None:
    """What may be called, and for how much."""
    op.create_table(
        "models",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("disconnect", sa.Text(), server_default="cancel", nullable=False),
        sa.Column("timeouts", sa.Text(), server_default="{}", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("name", name=op.f("uq_models_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "prices",
        sa.Column("id", _id(), sa.Identity(always=False), nullable=False),
        sa.Column("model_id", _id(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("nano", sa.BigInteger(), nullable=False),
        sa.Column("conditions", sa.Text(), server_default="{}", nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_prices_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_prices_model_id"), "prices", ["model_id"], unique=False)


def _create_usage() -> None:
    """One row a call."""
    op.create_table(
        "usage",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("stream", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("key_id", sa.BigInteger(), nullable=True),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("upstream_model", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Text(), server_default="[]", nullable=False),
        sa.Column("tokens", sa.Text(), server_default="{}", nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("ttft_us", sa.BigInteger(), nullable=True),
        sa.Column("total_us", sa.BigInteger(), nullable=False),
        sa.Column("bytes_in", sa.BigInteger(), nullable=False),
        sa.Column("bytes_out", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.Text(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
    )
    op.create_index("ix_usage_arrived_at", "usage", ["arrived_at"], unique=False)
    op.create_index("ix_usage_key_id_arrived_at", "usage", ["key_id", "arrived_at"], unique=False)
    op.create_index("ix_usage_user_id_arrived_at", "usage", ["user_id", "arrived_at"], unique=False)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")

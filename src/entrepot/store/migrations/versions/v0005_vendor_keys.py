"""Vendor keys that rest: until when, and how often they were found broken."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two columns; the status and the reason are there already."""
    op.add_column("channel_keys", sa.Column("rests_until", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("channel_keys", sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_channel_keys_rests_until", "channel_keys", ["rests_until"], unique=False)

"""Publishing a change from control: the number and the row in the transaction that makes the change."""

from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from entrepot.store import feed
from entrepot.store.contract import Dialect


async def publish(conn: AsyncConnection, kind: str, ref: str = "") -> int:
    """Tell every gateway that something changed; gives the event's number.

    Call it last in the transaction: from here to the commit all other writers wait.
    """
    dialect = cast("Dialect", conn.dialect.name)
    number = (await conn.execute(text(f"{feed.TAKE} RETURNING v"))).scalar_one()
    await conn.execute(
        text(f"INSERT INTO feed (v, kind, ref, at) VALUES (:v, :kind, :ref, {feed.now_us(dialect)})"),  # noqa: S608
        {"v": number, "kind": kind, "ref": ref},
    )
    await conn.execute(text(feed.trim_sql(dialect)))
    if dialect == "postgresql":
        await conn.execute(text("SELECT pg_notify(:channel, '')"), {"channel": feed.CHANNEL})
    return int(number)

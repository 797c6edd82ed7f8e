"""The ledger from the database: lists go back in time, and nothing here changes anything."""

from typing import Any

from sqlalchemy import Select, Text, case, cast, func, literal, select, tuple_
from sqlalchemy.engine import RowMapping

from entrepot.buckets.accounts import wallet_ref
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.verify import verify as prove
from entrepot.control.errors import InvalidError
from entrepot.control.fields import MICRO
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.services import Transaction
from entrepot.control.users import service as users
from entrepot.control.wallets.schemas import EntryView, VerifyView
from entrepot.core.money import format_usd
from entrepot.kit.clock import iso
from entrepot.store.schema import buckets, ledger
from entrepot.store.schema import users as user_table

_SUMS = ("remaining", "outstanding", "ledger", "charged", "posted", "shortfall")


async def list_page(tx: Transaction, limit: int, after: str | None = None, kind: str | None = None) -> Page[EntryView]:
    """Entries of all wallets and the house account, the newest first. Raises InvalidError."""
    query = _query()
    if after is not None:
        query = query.where(ledger.c.id < number_cursor(after))
    if kind is not None:
        query = query.where(ledger.c.kind == kind)
    views = [_view(row) for row in await tx.rows(query.order_by(ledger.c.id.desc()).limit(limit + 1))]
    return page_of(views, limit, [str(view.id) for view in views])


async def list_user(
    tx: Transaction, user: str, limit: int, after: str | None = None, *, kind: str | None = None
) -> Page[EntryView]:
    """One user's entries, the newest first. Raises NotFoundError, InvalidError."""
    query = _query().where(ledger.c.bucket_id == await bucket_of(tx, user))
    if after is not None:
        query = query.where(tuple_(ledger.c.at, ledger.c.id) < tuple_(*_cursor(after)))
    if kind is not None:
        query = query.where(ledger.c.kind == kind)
    rows = await tx.rows(query.order_by(ledger.c.at.desc(), ledger.c.id.desc()).limit(limit + 1))
    return page_of([_view(row) for row in rows], limit, [f"{row['at']}.{row['id']}" for row in rows])


async def find(tx: Transaction, reference: str) -> RowMapping | None:
    """The row that has this reference."""
    return await tx.row(_query().where(ledger.c.reference == reference))


async def bucket_of(tx: Transaction, user: str) -> int:
    """The bucket that a user pays from; 0 where none was made yet. Raises NotFoundError."""
    row = await users.find(tx, user)
    if user == users.INSTALLATION:
        return HOUSE
    return await tx.scalar(select(buckets.c.id).where(buckets.c.ref == wallet_ref(row["id"]))) or 0


async def verify(tx: Transaction) -> VerifyView:
    """Check every sum, on a reading transaction's one snapshot."""
    report = await prove(tx.raw)
    sums = {name: format_usd(getattr(report, name)) for name in _SUMS}
    return VerifyView(
        ok=report.ok, wallets=report.wallets, open_journals=report.open_journals, findings=list(report.findings), **sums
    )


def entry_view(row: RowMapping) -> EntryView:
    """A row of `find` as it is shown."""
    return _view(row)


def _query() -> Select[Any]:
    owner = buckets.c.ref == literal(wallet_ref_prefix()) + cast(user_table.c.id, Text)
    account = case((ledger.c.bucket_id == HOUSE, "house"), else_=func.coalesce(user_table.c.name, "")).label("account")
    joined = ledger.join(buckets, buckets.c.id == ledger.c.bucket_id).outerjoin(user_table, owner)
    return select(ledger, account).select_from(joined)


def wallet_ref_prefix() -> str:
    """What stands before the user's id in a wallet's `ref`."""
    return wallet_ref(0).removesuffix("0")


def _cursor(text: str) -> tuple[int, int]:
    at, dot, number = text.partition(".")
    if not dot or not (at + number).isdecimal() or not at or not number or max(len(at), len(number)) > 18:
        raise InvalidError("after: is not a cursor of this list", "after")
    return int(at), int(number)


def _view(row: RowMapping) -> EntryView:
    same = {name: row[name] for name in ("id", "account", "kind", "reference", "note")}
    return EntryView(**same, amount=format_usd(row["amount"]), at=iso(row["at"] / MICRO))

"""Wallets on the database. Every change is a row of the ledger with a unique reference, in the same transaction."""

import asyncio
import secrets
from typing import Final

from sqlalchemy import select

from entrepot.buckets import accounts
from entrepot.buckets.errors import InsufficientError
from entrepot.buckets.plan import HOUSE
from entrepot.control.errors import ConflictError, InvalidError, LeasedError, ShortError
from entrepot.control.fields import MICRO
from entrepot.control.services import Services, Transaction
from entrepot.control.settings import service as settings
from entrepot.control.users import service as users
from entrepot.control.wallets import entries
from entrepot.control.wallets.schemas import BalanceView, CreditCreate, CreditView
from entrepot.core.money import format_usd, parse_usd
from entrepot.kit.clock import utc_day
from entrepot.store.contract import ConflictError as StoreConflictError
from entrepot.store.contract import GuardError, Step
from entrepot.store.schema import settings as setting_table

_MOST: Final = 2**62
"""nano-USD of one wallet (4.6 billion USD): far from where 64 bits end."""
_PAUSES: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.5)
"""Seconds between attempts: workers answer a recall within a quarter of a second."""
_OPENING: Final = "opening:"


async def balance(tx: Transaction, user: str) -> BalanceView:
    """What a user has. Raises NotFoundError."""
    bucket = await entries.bucket_of(tx, user)
    found = await accounts.balance(tx.raw, bucket) or accounts.Balance(0, 0, 0, None)
    return BalanceView(
        user=user,
        unlimited=bucket == HOUSE,
        total=format_usd(found.total),
        remaining=format_usd(found.remaining),
        outstanding=format_usd(found.outstanding),
    )


async def change(services: Services, user: str, spec: CreditCreate) -> CreditView:
    """`credit` in a transaction of its own; asks workers to give back what they have leased where that is in the way.

    Raises what `credit` raises; LeasedError where calls that run still hold it after two seconds.
    """
    for pause in _PAUSES:
        try:
            async with services.transaction() as tx:
                return await credit(tx, user, spec)
        except LeasedError:
            async with services.transaction() as tx:
                await _ask_back(tx, user, -parse_usd(spec.amount))
            await asyncio.sleep(pause)
    async with services.transaction() as tx:
        return await credit(tx, user, spec)


async def credit(tx: Transaction, user: str, spec: CreditCreate) -> CreditView:
    """Book an amount once for each reference.

    Raises NotFoundError, InvalidError (the installation has no wallet), ConflictError (the reference names another
    change), ShortError (the money is not there) and LeasedError (it is there, and leased to workers).
    """
    nano = parse_usd(spec.amount)
    reference = spec.reference or f"{spec.kind}:{utc_day(tx.now / MICRO)}-{secrets.token_hex(8)}"
    wallet = await _wallet(tx, user)
    applied = await _book(tx, wallet, nano, spec, reference)
    entry = await entries.find(tx, reference)
    assert entry is not None  # noqa: S101 it was found, or was booked above
    if (entry["bucket_id"], entry["kind"], entry["amount"]) != (wallet, spec.kind, nano):
        said = f"{entry['kind']} of {format_usd(entry['amount'])} USD for {entry['account']!r}"
        raise ConflictError(f"The reference {reference!r} is taken by a {said}.", "reference")
    return CreditView(applied=applied, entry=entries.entry_view(entry), balance=await balance(tx, user))


async def pay_opening(tx: Transaction, user: str, amount: str) -> str:
    """The opening credit of a user, paid once; gives a sentence about it, empty where nothing is to be said.

    What was noted before there were wallets goes first: it was said first.
    """
    reference = _OPENING + user
    noted = await settings.read(tx, reference)
    if noted is not None:
        await settings.write(tx, reference, "")
    nano = parse_usd(noted or amount)
    if nano == 0:
        return ""
    wallet = await _wallet(tx, user)
    if await _once(tx, accounts.credit_steps(tx.raw.dialect, wallet, nano, kind="opening", reference=reference)):
        return f"the opening balance of {format_usd(nano)} USD is paid."
    entry = await entries.find(tx, reference)
    assert entry is not None  # noqa: S101 it was refused as taken
    if entry["bucket_id"] != wallet:
        return "an earlier user of this name was paid the opening balance; it counts once. Use `entrepot balance add`."
    if entry["amount"] != parse_usd(amount):
        return f"the opening balance stays {format_usd(entry['amount'])} USD; it counts once."
    return ""


async def pay_noted(tx: Transaction) -> None:
    """Pay the opening balances that were noted before there were wallets."""
    query = select(setting_table).where(setting_table.c.name.startswith(_OPENING, autoescape=True))
    for row in await tx.rows(query):
        user = row["name"].removeprefix(_OPENING)
        if await users.exists(tx, user):
            await pay_opening(tx, user, row["value"])


async def _wallet(tx: Transaction, user: str) -> int:
    """The user's wallet, made where it is missing. Raises NotFoundError, InvalidError."""
    row = await users.find(tx, user)
    if user == users.INSTALLATION:
        raise InvalidError("The installation's own account pays from the house account; it has no wallet to fill.", "user")
    return await accounts.open_bucket(tx.raw, "wallet", accounts.wallet_ref(row["id"]))


async def _book(tx: Transaction, wallet: int, nano: int, spec: CreditCreate, reference: str) -> bool:
    if await entries.find(tx, reference) is not None:
        return False
    words = {"kind": spec.kind, "reference": reference, "note": spec.note}
    found = await accounts.balance(tx.raw, wallet)
    assert found is not None  # noqa: S101 it was made above
    if nano > 0:
        if found.total + nano > _MOST:
            raise InvalidError("amount: the wallet would hold more than can be counted", "amount")
        return await _once(tx, accounts.credit_steps(tx.raw.dialect, wallet, nano, **words))
    try:
        return await _once(tx, accounts.charge_steps(tx.raw.dialect, wallet, -nano, **words))
    except GuardError:
        if await entries.find(tx, reference) is not None:
            return False  # another writer was first, and took the money for it
        if found.total + nano < 0:
            raise ShortError(f"The wallet holds {format_usd(found.total)} USD.", "amount") from None
        raise LeasedError(
            f"{format_usd(found.outstanding)} USD of the wallet is held by calls that run. Try again in a second.", "amount"
        ) from None


async def _once(tx: Transaction, steps: list[Step]) -> bool:
    """False where the reference was there before. Raises GuardError."""
    try:
        await tx.raw.change(steps)
    except StoreConflictError:
        return False
    tx.writes += 1
    return True


async def _ask_back(tx: Transaction, user: str, nano: int) -> None:
    bucket = await entries.bucket_of(tx, user)
    try:
        await accounts.recall(tx.raw, 0, bucket, nano, ask=True)
    except InsufficientError:
        return  # spent meanwhile: the next attempt says so

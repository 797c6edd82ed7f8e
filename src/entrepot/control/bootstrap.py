"""The first start: what a new installation needs to answer its first call."""

import msgspec

from entrepot.control.channels import service as channels
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.errors import ConflictError
from entrepot.control.groups import service as groups
from entrepot.control.groups.schemas import GroupCreate
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.models import service as models
from entrepot.control.prices import service as prices
from entrepot.control.prices.schemas import PriceSet, PriceTable
from entrepot.control.services import Services, Transaction
from entrepot.control.settings import service as settings
from entrepot.control.tokens import service as tokens
from entrepot.control.tokens.schemas import TokenCreate
from entrepot.control.users import service as users
from entrepot.control.wallets import service as wallets

_MARK = "first_start"
_MONEY_MARK = "first_money"
SANDBOX = "sandbox"
_LISTED = ("echo", "story", "tools", "json", "think", "audio", "embed", "moderate")
_MODELS = (*(f"sandbox/{name}" for name in _LISTED), "sandbox/*")
"""The names that a list of models shows, and the wildcard for paces and faults."""
_FREE = "sandbox/*"


class FirstStart(msgspec.Struct, frozen=True):
    """The secrets of a new installation; they cannot be read again."""

    admin_token: str
    key: str


async def bootstrap(services: Services) -> FirstStart | None:
    """Make what a new installation needs; None at every later start. Any number of processes may call it at once."""
    try:
        async with services.transaction() as tx:
            await _money(tx)
            if await settings.read(tx, _MARK) is not None:
                return None
            await settings.write(tx, _MARK, str(tx.now))
            await foundation(tx)
            await _sandbox(tx)
            token = await tokens.create(tx, TokenCreate(name="first"))
            key = await keys.create(tx, KeyCreate(name="first"))
            return FirstStart(admin_token=token.secret, key=key.secret)
    except ConflictError:
        async with services.reading() as tx:
            if await settings.read(tx, _MARK) is None:
                raise
        return None


async def foundation(tx: Transaction) -> None:
    """The group and the account that everything falls back to; commands on an empty database need them too."""
    if not await groups.exists(tx, groups.DEFAULT):
        await groups.create(tx, GroupCreate(name=groups.DEFAULT))
    await users.installation(tx)


async def _money(tx: Transaction) -> None:
    """What an installation from before there was money needs as well: once."""
    if await settings.read(tx, _MONEY_MARK) is not None:
        return
    await settings.write(tx, _MONEY_MARK, str(tx.now))
    await wallets.pay_noted(tx)
    if not await models.exists(tx, _FREE) or not await prices.history(tx, _FREE):
        await prices.set_prices(tx, PriceSet(model=_FREE, price=PriceTable(call="0")))


async def _sandbox(tx: Transaction) -> None:
    if not await channels.exists(tx, SANDBOX):
        await channels.create(tx, ChannelCreate(name=SANDBOX, provider=SANDBOX, base_url="self:sandbox", models=list(_MODELS)))

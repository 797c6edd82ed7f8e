"""`entrepot apply FILE`: loads the tables of a configuration file; applying twice changes nothing.

A row that exists is changed in the fields that the file names, the others stay. Rows that the
file does not name stay too. Everything happens in one transaction: a file that has a mistake
changes nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import BaseModel

from entrepot.control.channels import secrets
from entrepot.control.channels import service as channels
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate
from entrepot.control.channels.vendors import find_vendor
from entrepot.control.errors import ControlError, InvalidError, suggestion
from entrepot.control.fields import Spec, Usd, View
from entrepot.control.groups import service as groups
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate, KeyUpdate
from entrepot.control.models import service as models
from entrepot.control.models.schemas import ModelCreate, ModelUpdate
from entrepot.control.prices import service as prices
from entrepot.control.prices.schemas import Conditions, PriceSet, PriceTable, Tier
from entrepot.control.problems import read
from entrepot.control.services import Services, Transaction
from entrepot.control.users import service as users
from entrepot.control.users.schemas import UserCreate, UserUpdate
from entrepot.control.wallets import service as wallets

_Kind = TypeVar("_Kind", bound=Spec)


class ModelRow(ModelCreate):
    """A `[[model]]` table: a model and its prices."""

    price: PriceTable = PriceTable()
    tiers: list[Tier] = []
    """Prices that hold under conditions."""


class UserRow(UserCreate):
    """A `[[user]]` table: a user and its opening credit."""

    balance: Usd | None = None
    """Opening credit in USD, paid once."""


class Applied(View):
    """What happened to one row of the file."""

    table: str
    name: str
    result: Literal["created", "updated", "unchanged"]
    secret: str | None = None
    """Of a key that was minted: shown this once."""


class Report(BaseModel):
    """What happened to a file."""

    rows: list[Applied] = []
    notes: list[str] = []

    def count(self, result: str) -> int:
        """How many rows ended like this."""
        return sum(row.result == result for row in self.rows)


async def apply(services: Services, tables: dict[str, Any], source: str = "configuration") -> Report:
    """Load the tables of a file. Raises InvalidError that names file, table, row and field."""
    _check_tables(tables, source)
    report = Report()
    async with services.transaction() as tx:
        for table in _LOADERS:
            seen: set[str] = set()
            for number, values in enumerate(tables.get(table, ()), start=1):
                await _load_row(tx, report, _Place(source, table, number, seen), values)
    return report


def _check_tables(tables: dict[str, Any], source: str) -> None:
    known = ("server", *_LOADERS)
    for table, rows in tables.items():
        if table not in known:
            raise InvalidError(f"{source}: there is no table [[{table}]].{suggestion(table, known)}", table)
        if table != "server" and not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):  # pyright: ignore[reportUnknownVariableType]
            raise InvalidError(f"{source}: write [[{table}]] with two brackets: there may be several", table)


class _Row(NamedTuple):
    name: str
    existed: bool
    secret: str | None = None
    identity: str = ""
    """What tells it from others, where that is not the name."""


_Loader: TypeAlias = Callable[[Transaction, Report, dict[str, Any]], Awaitable[_Row]]


async def _load_row(tx: Transaction, report: Report, place: "_Place", values: dict[str, Any]) -> None:
    before = tx.writes
    try:
        row = await _LOADERS[place.table](tx, report, values)
        identity = row.identity or row.name
        if identity in place.seen:
            raise InvalidError(f"{row.name!r} stands twice in this file", "name")
    except ControlError as error:
        label = values.get("name") or values.get("provider")
        which = f"{place.number} ({label!r})" if isinstance(label, str) else str(place.number)
        raise InvalidError(f"{place.source}: [[{place.table}]] {which}: {error.message}", error.param) from error
    place.seen.add(identity)
    result = "created" if not row.existed else "updated" if tx.writes > before else "unchanged"
    report.rows.append(Applied(table=place.table, name=row.name, result=result, secret=row.secret))


async def _group(tx: Transaction, _: Report, values: dict[str, Any]) -> _Row:
    spec = read(GroupCreate, values)
    existed = await groups.exists(tx, spec.name)
    if existed:
        await groups.update(tx, spec.name, _narrowed(spec, GroupUpdate))
    else:
        await groups.create(tx, spec)
    return _Row(spec.name, existed)


async def _model(tx: Transaction, _: Report, values: dict[str, Any]) -> _Row:
    row = read(ModelRow, values)
    existed = await models.exists(tx, row.name)
    if existed:
        await models.update(tx, row.name, _narrowed(row, ModelUpdate))
    else:
        await models.create(tx, _narrowed(row, ModelCreate))
    await prices.set_prices(tx, PriceSet(model=row.name, price=row.price))
    for tier in row.tiers:
        conditions = Conditions(prompt_over=tier.prompt_over, size=tier.size, quality=tier.quality)
        await prices.set_prices(tx, PriceSet(model=row.name, price=tier.price, conditions=conditions))
    return _Row(row.name, existed)


async def _channel(tx: Transaction, _: Report, values: dict[str, Any]) -> _Row:
    spec = read(ChannelCreate, values)
    name = spec.name or find_vendor(tx.services.catalogue, spec.provider).name
    existed = await channels.exists(tx, name)
    if existed:
        await channels.update(tx, name, _narrowed(spec, ChannelUpdate))
    else:
        await channels.create(tx, spec)
    return _Row(name, existed)


async def _user(tx: Transaction, report: Report, values: dict[str, Any]) -> _Row:
    row = read(UserRow, values)
    existed = await users.exists(tx, row.name)
    if existed:
        await users.update(tx, row.name, _narrowed(row, UserUpdate))
    else:
        await users.create(tx, _narrowed(row, UserCreate))
    if row.balance is not None and (said := await wallets.pay_opening(tx, row.name, row.balance)):
        report.notes.append(f"[[user]] {row.name!r}: {said}")
    return _Row(row.name, existed)


async def _key(tx: Transaction, report: Report, values: dict[str, Any]) -> _Row:
    """A key with a secret is known by it; one without by its user and name."""
    spec = read(KeyCreate, _with_secret(values))
    if spec.secret is None and not spec.name:
        raise InvalidError("name: a key without a secret needs a name, so that it is made only once", "name")
    by_secret = None if spec.secret is None else await keys.find_secret(tx, spec.secret)
    key_id = by_secret if spec.secret is not None else await keys.find_name(tx, spec.user, spec.name)
    if key_id is None:
        made = await keys.create(tx, spec)
        if spec.secret is None:
            report.notes.append(f"[[key]] {made.name!r}: {made.secret} (shown this once)")
        return _Row(made.name, False, None if spec.secret else made.secret, str(made.id))
    view = await keys.update(tx, key_id, _narrowed(spec, KeyUpdate))
    if spec.user is not None and view.user != spec.user:
        raise InvalidError(f"user: this key belongs to {view.user!r}; a key does not change hands", "user")
    return _Row(view.name, True, None, str(key_id))


def _with_secret(values: dict[str, Any]) -> dict[str, Any]:
    secret = values.get("secret")
    return {**values, "secret": secrets.resolve([secret])[0]} if isinstance(secret, str) else values


def _narrowed(spec: Spec, kind: type[_Kind]) -> _Kind:
    """What the file said of a row, as another kind of spec of the same fields."""
    said = spec.model_dump(exclude_unset=True)
    return kind.model_validate({name: value for name, value in said.items() if name in kind.model_fields})


class _Place(NamedTuple):
    """Where in the file a row stands, and the names before it in its table."""

    source: str
    table: str
    number: int
    seen: set[str]


_LOADERS: dict[str, _Loader] = {"group": _group, "model": _model, "channel": _channel, "user": _user, "key": _key}
"""In the order in which rows need each other."""

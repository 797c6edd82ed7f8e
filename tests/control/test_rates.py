"""Rate limits of users, groups and models on both databases: set, changed in parts, lifted; as gateways then read them."""

import httpx
import pytest

from entrepot.control import rates
from entrepot.control.apply import apply
from entrepot.control.errors import InvalidError
from entrepot.control.groups import service as groups
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.models import service as models
from entrepot.control.problems import read
from entrepot.control.services import Services
from entrepot.control.users import service as users
from entrepot.core.call import Caller, RateLimits
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import key_hash
from entrepot.snapshot.load import load
from entrepot.snapshot.model import Snapshot
from entrepot.store.keys import find_key
from entrepot.store.raw import Database
from tests.control.conftest import ON_SQLITE, Feed
from tests.snapshot.places import Vendors

SECRET = "sk-limited-key"
TABLES = {
    "group": [{"name": "vip", "rpm": 60}],
    "model": [{"name": "gpt-4o*", "tpm": 9000}],
    "user": [{"name": "ada", "rpm": 30, "concurrency": 2}],
    "key": [{"secret": SECRET, "user": "ada", "group": "vip", "rpm": 5}],
}


async def seen(services: Services, db: Database) -> tuple[Snapshot, Caller]:
    """What a gateway reads."""
    caller = await find_key(db, key_hash(SECRET), SystemClock())
    assert caller is not None
    return await load(db, services.vault, Vendors()), caller


async def test_a_file_sets_changes_and_lifts_them(services: Services, db: Database, fed: Feed) -> None:
    await apply(services, TABLES)
    assert (await apply(services, TABLES)).count("unchanged") == 4
    snapshot, caller = await seen(services, db)
    assert snapshot.groups["vip"].limits == RateLimits(rpm=60)
    assert snapshot.about("gpt-4o-mini").limits == RateLimits(tpm=9000)
    assert (caller.user_limits, caller.rpm) == (RateLimits(rpm=30, concurrency=2), 5)
    await fed()
    parts = {
        "group": [{"name": "vip", "concurrency": 7}],
        "model": [{"name": "gpt-4o*", "tpm": "unlimited"}],
        "user": [{"name": "ada", "rpm": "unlimited", "tpm": 1000}],
        "key": [{"secret": SECRET, "rpm": "unlimited"}],
    }
    assert (await apply(services, parts)).count("updated") == 4
    assert sorted(await fed()) == [("key", key_hash(SECRET)), ("snapshot", "")]
    snapshot, caller = await seen(services, db)
    assert snapshot.groups["vip"].limits == RateLimits(rpm=60, concurrency=7)
    assert snapshot.about("gpt-4o-mini").limits is None
    assert (caller.user_limits, caller.rpm) == (RateLimits(tpm=1000, concurrency=2), None)
    async with services.reading() as tx:
        views = [await groups.get(tx, "vip"), await models.get(tx, "gpt-4o*"), await users.get(tx, "ada")]
        assert [(view.rpm, view.tpm, view.concurrency) for view in views] == [
            (60, None, 7),
            (None, None, None),
            (None, 1000, 2),
        ]


async def test_a_users_limits_are_announced_for_each_of_its_keys(services: Services, fed: Feed) -> None:
    async with services.transaction() as tx:
        await users.create(tx, users.UserCreate(name="ada", rpm=5))
        secrets = [(await keys.create(tx, KeyCreate(user="ada"))).secret for _ in range(3)]
    await fed()
    for change in (users.UserUpdate(rpm=6), users.UserUpdate(rpm=None)):
        async with services.transaction() as tx:
            await users.update(tx, "ada", change)
        assert sorted(await fed()) == sorted(("key", key_hash(secret)) for secret in secrets)
    async with services.transaction() as tx:
        await users.update(tx, "ada", users.UserUpdate(rpm=None))
    assert await fed() == []


@ON_SQLITE
async def test_over_the_api(api: httpx.AsyncClient) -> None:
    for path, name in (("/api/groups", "vip"), ("/api/models", "gpt-4o*"), ("/api/users", "ada")):
        made = await api.post(path, json={"name": name, "rpm": 60, "tpm": 9000})
        assert (made.status_code, made.json()["rpm"], made.json()["concurrency"]) == (201, 60, None)
        changed = (await api.patch(f"{path}/{name}", json={"rpm": None, "concurrency": 2})).json()
        assert (changed["rpm"], changed["tpm"], changed["concurrency"]) == (None, 9000, 2)
        assert (await api.get(f"{path}/{name}")).json() == changed
        refused = await api.patch(f"{path}/{name}", json={"rpm": 0})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "rpm")


def test_what_is_no_limit() -> None:
    for wrong in (0, -1, 1.5, "6", "none", True, 2**60):
        with pytest.raises(InvalidError, match="rpm"):
            read(rates.Rates, {"rpm": wrong})
    assert read(rates.Rates, {"rpm": "unlimited"}).rpm is None

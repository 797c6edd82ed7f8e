"""Keys on both databases, as gateways then see them."""

import pytest

from entrepot.control.errors import ConflictError, InvalidError, NotFoundError
from entrepot.control.keys import service
from entrepot.control.keys.schemas import KeyCreate, KeyUpdate
from entrepot.control.services import Services
from entrepot.control.users import service as users
from entrepot.control.users.schemas import UserCreate
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import key_hash, key_is_mistyped
from entrepot.store.keys import find_key
from entrepot.store.raw import Database
from tests.control.conftest import Feed


async def test_what_is_written_is_what_a_gateway_reads(services: Services, db: Database) -> None:
    spec = KeyCreate(
        name="laptop",
        groups=["default"],
        models=["gpt-4o*"],
        ips=["10.0.0.0/8"],
        quota="5",
        rpm=60,
        expires="30d",
        concurrency=2,
    )
    async with services.transaction() as tx:
        made = await service.create(tx, spec)
    assert made.secret.startswith("sk-ent-")
    assert not key_is_mistyped(made.secret)
    caller = await find_key(db, key_hash(made.secret), SystemClock())
    assert caller is not None
    assert (caller.key_name, caller.groups, caller.models, caller.networks) == (
        "laptop",
        ("default",),
        ("gpt-4o*",),
        ("10.0.0.0/8",),
    )
    assert (caller.quota, caller.rpm, caller.tpm, caller.concurrency) == (5_000_000_000, 60, None, 2)
    assert caller.expires == services.clock.wall() + 30 * 86_400
    assert caller.enabled


async def test_the_secret_is_nowhere_in_the_database(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate())
    (row,) = await db.fetch("SELECT * FROM keys")
    assert made.secret not in repr(row)
    assert made.hint in row


async def test_each_change_is_announced_once(services: Services, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(name="k"))
        await service.update(tx, made.id, KeyUpdate(rpm=5))
    announced = [("key", key_hash(made.secret))]
    assert await fed() == announced
    async with services.transaction() as tx:
        await service.update(tx, made.id, KeyUpdate(rpm=5))
    assert await fed() == []
    async with services.transaction() as tx:
        await service.update(tx, made.id, KeyUpdate(status="disabled"))
    assert await fed() == announced


async def test_null_lifts_a_limit_and_silence_keeps_it(services: Services) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(quota="1.5", rpm=60, expires="2027-06-01"))
        assert made.expires_at == "2027-06-01T00:00:00Z"
        kept = await service.update(tx, made.id, KeyUpdate(name="other"))
        assert (kept.quota, kept.rpm, kept.expires_at) == ("1.5", 60, made.expires_at)
        lifted = await service.update(tx, made.id, KeyUpdate(quota=None, rpm=None, expires=None))
        assert (lifted.quota, lifted.rpm, lifted.expires_at) == (None, None, None)
        assert (await service.update(tx, made.id, KeyUpdate(unlimited=True))).quota is None


async def test_a_span_counts_from_the_keys_creation(services: Services, clock: object) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(expires="30d"))
    services.clock.advance(86_400)  # type: ignore[attr-defined]
    async with services.transaction() as tx:
        before = tx.writes
        assert (await service.update(tx, made.id, KeyUpdate(expires="30d"))).expires_at == made.expires_at
        assert tx.writes == before


async def test_rotation_kills_the_old_secret(services: Services, db: Database, fed: Feed) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(rpm=7))
    await fed()
    async with services.transaction() as tx:
        fresh = await service.rotate(tx, made.id)
    assert await find_key(db, key_hash(made.secret), SystemClock()) is None
    caller = await find_key(db, key_hash(fresh.secret), SystemClock())
    assert caller is not None
    assert (caller.key_id, caller.rpm) == (made.id, 7)
    assert await fed() == [("key", key_hash(made.secret)), ("key", key_hash(fresh.secret))]


async def test_a_deleted_key_is_forgotten_and_its_secret_may_come_back(services: Services, db: Database, fed: Feed) -> None:
    secret = "sk-imported-0123456789"
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(secret=secret))
        with pytest.raises(ConflictError, match="already a key with this secret"):
            await service.create(tx, KeyCreate(secret=secret))
    await fed()
    async with services.transaction() as tx:
        await service.remove(tx, made.id)
    assert await fed() == [("key", key_hash(secret))]
    assert await find_key(db, key_hash(secret), SystemClock()) is None
    async with services.transaction() as tx:
        with pytest.raises(NotFoundError):
            await service.get(tx, made.id)
        again = await service.create(tx, KeyCreate(secret=secret))
        assert again.id != made.id


async def test_a_mistyped_secret_of_ours_is_refused(services: Services) -> None:
    async with services.transaction() as tx:
        with pytest.raises(InvalidError, match="checksum"):
            await service.create(tx, KeyCreate(secret="sk-ent-0000000000"))


async def test_keys_are_found_by_id_name_and_secret(services: Services) -> None:
    async with services.transaction() as tx:
        await users.create(tx, UserCreate(name="alice"))
        made = await service.create(tx, KeyCreate(name="laptop", user="alice"))
        for reference in (str(made.id), "laptop", made.secret):
            assert await service.resolve(tx, reference) == made.id
        with pytest.raises(NotFoundError, match="Did you mean 'laptop'"):
            await service.resolve(tx, "lapto")
        await service.create(tx, KeyCreate(name="laptop"))
        with pytest.raises(ConflictError, match="Several keys"):
            await service.resolve(tx, "laptop")
        assert await service.find_name(tx, "alice", "laptop") == made.id
        assert [key.id for key in (await service.list_page(tx, 10, None, "alice")).data] == [made.id]
        with pytest.raises(NotFoundError):
            await service.create(tx, KeyCreate(user="bob"))

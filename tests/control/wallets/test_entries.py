"""The ledger on both databases: pages without a gap, and a proof that notices a changed row."""

import pytest

from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.services import Services
from entrepot.control.users import service as users
from entrepot.control.users.schemas import UserCreate
from entrepot.control.wallets import entries, service
from entrepot.control.wallets.schemas import CreditCreate
from entrepot.store.raw import Database


@pytest.fixture
async def booked(services: Services) -> list[str]:
    """Seven entries of two users; their references, the newest first."""
    async with services.transaction() as tx:
        for name in ("alice", "bob"):
            await users.create(tx, UserCreate(name=name))
        for number in range(7):
            spec = CreditCreate(amount=str(number + 1), kind="gift" if number == 3 else "topup", reference=f"r{number}")
            await service.credit(tx, "bob" if number % 3 == 2 else "alice", spec)
    return [f"r{number}" for number in reversed(range(7))]


async def walk(services: Services, user: str | None) -> list[str]:
    seen: list[str] = []
    after: str | None = None
    while True:
        async with services.transaction() as tx:
            if user is None:
                page = await entries.list_page(tx, 2, after)
            else:
                page = await entries.list_user(tx, user, 2, after)
            # A row that comes between two pages shifts none of them.
            await service.credit(tx, "alice", CreditCreate(amount="1", kind="gift"))
        seen += [entry.reference for entry in page.data]
        after = page.next
        if after is None:
            return seen


async def test_pages_go_back_without_a_gap(services: Services, booked: list[str]) -> None:
    assert await walk(services, None) == booked
    assert await walk(services, "bob") == ["r5", "r2"]


async def test_one_users_entries_and_kinds(services: Services, booked: list[str]) -> None:
    async with services.reading() as tx:
        mine = (await entries.list_user(tx, "alice", 10)).data
        assert [(entry.reference, entry.amount, entry.account) for entry in mine] == [
            ("r6", "7", "alice"),
            ("r4", "5", "alice"),
            ("r3", "4", "alice"),
            ("r1", "2", "alice"),
            ("r0", "1", "alice"),
        ]
        assert [entry.kind for entry in (await entries.list_page(tx, 10, None, "gift")).data] == ["gift"]
        assert (await entries.list_user(tx, "bob", 10, kind="gift")).data == []
        assert (await entries.list_user(tx, "installation", 10)).data == []
        with pytest.raises(NotFoundError):
            await entries.list_user(tx, "nobody", 10)
        for after in ("x", "1", "1.x", ".1", "1.", "9" * 19 + ".1"):
            with pytest.raises(InvalidError):
                await entries.list_user(tx, "alice", 10, after)
        with pytest.raises(InvalidError):
            await entries.list_page(tx, 10, "x")


TAMPERED = (
    ("UPDATE ledger SET amount = amount + 1 WHERE reference = 'r0'", "I2"),
    ("DELETE FROM ledger WHERE reference = 'r0'", "I2"),
    ("UPDATE buckets SET remaining = remaining + 1 WHERE kind = 'wallet'", "I2"),
)


@pytest.mark.parametrize(("statement", "finding"), TAMPERED)
async def test_a_changed_row_is_found(
    services: Services, db: Database, booked: list[str], statement: str, finding: str
) -> None:
    async with services.reading() as tx:
        report = await entries.verify(tx)
    assert (report.ok, report.wallets, report.remaining, report.ledger) == (True, 2, "28", "28")
    await db.execute(statement)
    async with services.reading() as tx:
        report = await entries.verify(tx)
    assert not report.ok
    assert all(said.startswith(finding) for said in report.findings)

"""/api/users/{name}/balance, /api/users/{name}/ledger, /api/ledger"""

from fastapi import APIRouter, Response

from entrepot.control.access import Admin, Cursor, PageSize, Reading
from entrepot.control.pages import Page
from entrepot.control.wallets import entries, service
from entrepot.control.wallets.schemas import BalanceView, CreditCreate, CreditView, EntryView, VerifyView

router = APIRouter(tags=["money"])


@router.get("/users/{name}/balance")
async def get_balance(tx: Reading, name: str) -> BalanceView:
    """What a user has."""
    return await service.balance(tx, name)


@router.post("/users/{name}/balance", status_code=201)
async def change_balance(services: Admin, name: str, spec: CreditCreate, response: Response) -> CreditView:
    """Put money into a wallet, or take it out (an adjustment below zero). 200 where the reference was booked before."""
    found = await service.change(services, name, spec)
    if not found.applied:
        response.status_code = 200
    return found


@router.get("/users/{name}/ledger")
async def list_user_ledger(
    tx: Reading, name: str, limit: PageSize = 50, after: Cursor = None, kind: str | None = None
) -> Page[EntryView]:
    """Why a user's wallet changed, the newest first."""
    return await entries.list_user(tx, name, limit, after, kind=kind)


@router.get("/ledger")
async def list_ledger(tx: Reading, limit: PageSize = 50, after: Cursor = None, kind: str | None = None) -> Page[EntryView]:
    """The ledger of all wallets and of the house account, the newest first."""
    return await entries.list_page(tx, limit, after, kind)


@router.get("/ledger/verify")
async def verify_ledger(tx: Reading) -> VerifyView:
    """Check every sum on one snapshot of the database: `ok`, and findings where one does not hold."""
    return await entries.verify(tx)

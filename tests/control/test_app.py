"""Errors of the API: one shape for all, never a trace."""

import httpx
import pytest

from entrepot.control.services import Services
from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/nothing", None, 404, "unknown_url"),
        ("GET", "/nothing", None, 404, "unknown_url"),
        ("PUT", "/api/groups", b"{}", 405, "method_not_allowed"),
        ("POST", "/api/groups", b"{", 400, "invalid_value"),
        ("POST", "/api/groups", b"[]", 400, "invalid_value"),
        ("POST", "/api/groups", b"", 400, "invalid_value"),
        ("POST", "/api/groups", b"\xff\xfe", 400, None),
        ("POST", "/api/groups", b"[" * 100_000, 400, None),
        ("POST", "/api/groups", b'{"name":"\\ud800"}', 400, "invalid_value"),
        ("POST", "/api/groups", b'{"name":"default"}', 409, "conflict"),
        ("GET", "/api/groups/%00", None, 404, "not_found"),
        ("GET", "/api/keys/0", None, 400, "invalid_value"),
        ("DELETE", "/api/channels/x", None, 404, "not_found"),
    ],
)
async def test_one_shape(
    api: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int, code: str | None
) -> None:
    answer = await api.request(method, path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert list(answer.json()) == ["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert code is None or error["code"] == code
    assert "Traceback" not in answer.text


async def test_a_bug_of_ours_is_a_500_without_details(api: httpx.AsyncClient, services: Services) -> None:
    """A row that no code of ours could have written."""
    async with services.transaction() as tx:
        await tx.connection.exec_driver_sql("UPDATE groups SET created_at = 'x'")
    answer = await api.get("/api/groups")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "created_at" not in answer.text


async def test_a_database_without_tables_is_a_500(api: httpx.AsyncClient, services: Services) -> None:
    async with services.transaction() as tx:
        await tx.connection.exec_driver_sql("ALTER TABLE groups RENAME TO gone")
    answer = await api.get("/api/groups")
    assert answer.status_code == 500
    assert "gone" not in answer.text


async def test_a_failed_commit_is_told(api: httpx.AsyncClient, services: Services) -> None:
    """The answer is sent after the commit: a constraint that fails late is not a 201."""
    async with services.transaction() as tx:
        await tx.connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON feed BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    answer = await api.post("/api/groups", json={"name": "vip"})
    assert answer.status_code == 409
    assert [row["name"] for row in (await api.get("/api/groups")).json()["data"]] == ["default"]


async def test_the_status(api: httpx.AsyncClient) -> None:
    status = (await api.get("/api/status")).json()
    assert status["counts"] == {"users": 1, "keys": 0, "channels": 0, "groups": 1, "models": 0}
    assert status["database"] == "sqlite"
    assert status["feed"] > 0
    await api.post("/api/keys", json={})
    await api.delete("/api/keys/1")
    assert (await api.get("/api/status")).json()["counts"]["keys"] == 0

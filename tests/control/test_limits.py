"""The app's own edge."""

from collections.abc import AsyncIterator

import httpx

from entrepot.control.limits import MOST
from entrepot.kit.ids import request_day
from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_a_request_id_on_every_answer(api: httpx.AsyncClient) -> None:
    for path in ("/", "/api/status", "/api/nothing"):
        answer = await api.get(path)
        assert request_day(answer.headers["x-request-id"]) is not None
    given = await api.get("/api/status", headers={"x-request-id": "req_given"})
    assert given.headers.get_list("x-request-id") == ["req_given"]
    assert request_day((await api.get("/", headers={"x-request-id": "x" * 65})).headers["x-request-id"]) is not None


async def test_a_body_over_the_limit(api: httpx.AsyncClient) -> None:
    body = b'{"name":"' + b"a" * MOST + b'"}'
    headers = {"content-type": "application/json"}
    announced = await api.post("/api/groups", content=body, headers=headers)
    assert announced.status_code == 413
    assert announced.json()["error"]["code"] == "request_too_large"

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    chunked = await api.post("/api/groups", content=pieces(), headers=headers)
    assert chunked.status_code == 400


async def test_nothing_is_loaded_or_framed(api: httpx.AsyncClient) -> None:
    headers = (await api.get("/")).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"

"""Asking a vendor: the sandbox behind a real socket, and vendors that are not well."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from entrepot.control.channels import inquiry, service
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.errors import InvalidError
from entrepot.control.prices.schemas import PriceSet, PriceTable
from entrepot.control.prices.service import set_prices
from entrepot.control.services import Sandbox, Services
from entrepot.kit.clock import ManualClock
from entrepot.store.raw import Database
from tests.control.conftest import ON_SQLITE
from tests.vendors import Vendor, running_sandbox


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with running_sandbox("sk-right") as running:
        yield running


@ON_SQLITE
async def test_a_channel_without_models_gets_what_the_vendor_lists(services: Services, vendor: Vendor) -> None:
    spec = ChannelCreate(name="s", provider="compatible", base_url=vendor.base_url, keys=["sk-right"])
    view = await inquiry.create_asking(services, spec)
    assert "sandbox/echo" in view.models
    assert (await inquiry.test_channel(services, "s", call=False)).ok


@ON_SQLITE
async def test_a_vendor_that_does_not_answer_gets_the_catalogues_patterns(services: Services, vendor: Vendor) -> None:
    spec = ChannelCreate(provider="openai", base_url=vendor.base_url, keys=["sk-wrong"])
    assert "gpt-*" in (await inquiry.create_asking(services, spec)).models
    verdict = await inquiry.test_channel(services, "openai", call=False)
    assert (verdict.ok, verdict.status) == (False, 401)


@ON_SQLITE
async def test_each_key_is_tried(services: Services, vendor: Vendor) -> None:
    keys = ["sk-right", "sk-wrong-0123456789abcdef"]
    spec = ChannelCreate(name="s", provider="compatible", base_url=vendor.base_url, keys=keys, models=["*"])
    await inquiry.create_asking(services, spec)
    verdict = await inquiry.test_channel(services, "s", call=False)
    assert not verdict.ok
    assert "sk-wron…cdef" in verdict.verdict
    assert keys[1] not in verdict.verdict


@ON_SQLITE
async def test_what_cannot_work_is_refused_before_anybody_is_asked(services: Services) -> None:
    for spec in (ChannelCreate(provider="openai"), ChannelCreate(provider="compatible", keys=["k"])):
        with pytest.raises(InvalidError):
            await inquiry.create_asking(services, spec)


@ON_SQLITE
async def test_the_sandbox_is_reached_only_inside_the_server(services: Services, vendor: Vendor) -> None:
    async with services.transaction() as tx:
        await service.create(tx, ChannelCreate(provider="sandbox", base_url="self:sandbox", models=["sandbox/echo"]))
    assert "part of the server" in (await inquiry.test_channel(services, "sandbox", call=False)).verdict
    inside = msgspec.structs.replace(services, sandbox=Sandbox(vendor.port, "sk-right"))
    assert (await inquiry.test_channel(inside, "sandbox", call=False)).ok


async def _answering(answer: bytes) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", 0)


@ON_SQLITE
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n<html></html", "no list of models"),
        (b"HTTP/1.1 403 No\r\ncontent-length: 19\r\n\r\nkey sk-echoed-12345", "403: key …"),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "500: (no body)"),
        (b"nonsense\r\n\r\n", "could not be understood"),
        (b"", "broke the connection"),
    ],
)
async def test_vendors_that_are_not_well(services: Services, answer: bytes, said: str) -> None:
    async with await _answering(answer) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}/v1"
        spec = ChannelCreate(name="s", provider="compatible", base_url=url, keys=["sk-echoed-12345"], models=["*"])
        await inquiry.create_asking(services, spec)
        verdict = await inquiry.test_channel(services, "s", call=False)
    assert not verdict.ok
    assert said in verdict.verdict


@ON_SQLITE
async def test_a_vendor_that_is_not_there(services: Services, clock: ManualClock) -> None:
    spec = ChannelCreate(name="s", provider="compatible", base_url="http://127.0.0.1:1/v1", models=["*"])
    await inquiry.create_asking(services, spec)
    verdict = await inquiry.test_channel(services, "s", call=False)
    assert (verdict.ok, verdict.fault) == (False, "connect_refused")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"data":[{"id":"a"},{"id":"b"},{"id":"a"}]}', ["a", "b"]),
        (b'{"models":[{"name":"models/gemini-x"}]}', ["gemini-x"]),
        (b'[{"id":"a"},"b",3,null,{"id":5}]', ["a", "b"]),
        (b'{"data":[]}', []),
        (b'{"data":[{"id":"a\\nb"}]}', []),
        (b'{"error":{}}', None),
        (b"<html>", None),
        (b"\xff", None),
        (b'"x"', None),
    ],
)
def test_lists_of_models(body: bytes, names: list[str] | None) -> None:
    assert inquiry.listed_models(body) == names


@ON_SQLITE
async def test_a_call_of_the_cheapest_model_and_what_rested_is_tried_again(
    services: Services, vendor: Vendor, db: Database
) -> None:
    names = {"dear": "sandbox/story", "cheap": "sandbox/echo", "unknown": "sandbox/think"}
    spec = ChannelCreate(
        name="s", provider="compatible", base_url=vendor.base_url, keys=["sk-right"], models=["*"], model_map=names
    )
    async with services.transaction() as tx:
        await service.create(tx, spec)
        for name, price in (("dear", "3"), ("cheap", "0.5")):
            await set_prices(tx, PriceSet(model=name, price=PriceTable(output=price)))
    await db.execute("UPDATE channel_keys SET status = 'broken', rests_until = $1, tries = 2", 2**50)
    verdict = await inquiry.test_channel(services, "s", call=True)
    assert (verdict.ok, verdict.verdict) == (True, "The vendor answers a call of sandbox/echo.")
    assert vendor.app.seen[-1].json["max_tokens"] == 1
    assert await db.fetch("SELECT status, rests_until FROM channel_keys") == [("enabled", 0)]


@ON_SQLITE
async def test_a_call_needs_a_name_and_a_failure_resets_nothing(services: Services, vendor: Vendor, db: Database) -> None:
    async with services.transaction() as tx:
        await service.create(
            tx, ChannelCreate(name="s", provider="compatible", base_url=vendor.base_url, keys=["k"], models=["*"])
        )
        await service.create(
            tx, ChannelCreate(name="t", provider="compatible", base_url=vendor.base_url, keys=["k"], models=["m"])
        )
    await db.execute("UPDATE channel_keys SET status = 'broken'")
    assert "names no model exactly" in (await inquiry.test_channel(services, "s", call=True)).verdict
    verdict = await inquiry.test_channel(services, "t", call=True)
    assert (verdict.ok, verdict.status) == (False, 401)
    assert set(await db.fetch("SELECT status FROM channel_keys")) == {("broken",)}

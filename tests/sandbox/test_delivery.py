"""Delivery: pace, backpressure's other side, and what happens without a wire."""

import asyncio
import time
from typing import Any

from entrepot.kit.tasks import TaskGroup
from entrepot.sandbox import delivery
from entrepot.sandbox.delivery import Outcome, Watch
from entrepot.sandbox.steps import Break, Script


class Client:
    """The other side of ASGI: keeps what is sent, leaves when told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.messages: list[Any] = []

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.messages.append(message)


async def test_a_script_is_sent_to_its_end_at_its_pace() -> None:
    client, tasks = Client(), TaskGroup()
    watch = Watch(client.receive, tasks)
    begun = time.monotonic()
    script = Script(200, (), iter([b"a", b"b", b"c"]), gap=0.05)
    assert await delivery.deliver(script, client.send, watch, None) is Outcome.FINISHED
    assert 0.14 < time.monotonic() - begun < 1
    assert [message.get("body") for message in client.messages] == [None, b"a", b"b", b"c", b""]
    assert client.messages[-1]["more_body"] is False
    watch.stop()
    await tasks.close()


async def test_an_endless_script_lets_others_run_and_ends_when_the_client_leaves() -> None:
    client, tasks = Client(), TaskGroup()
    watch = Watch(client.receive, tasks)

    def endless() -> Any:
        while True:
            yield b"x"

    asyncio.get_running_loop().call_later(0.05, client.left.set)
    async with asyncio.timeout(5):
        assert await delivery.deliver(Script(200, (), endless()), client.send, watch, None) is Outcome.ABORTED
    await tasks.close()


async def test_without_a_wire_a_cut_returns_early() -> None:
    client, tasks = Client(), TaskGroup()
    watch = Watch(client.receive, tasks)
    script = Script(200, (), iter([b"a", Break.CUT]))
    assert await delivery.deliver(script, client.send, watch, None) is Outcome.TORN
    assert client.messages[-1] == {"type": "http.response.body", "body": b"a", "more_body": True}
    assert await delivery.shout(watch, None) is Outcome.TORN
    await tasks.close()


async def test_a_stall_lasts_until_the_client_leaves() -> None:
    client, tasks = Client(), TaskGroup()
    watch = Watch(client.receive, tasks)
    asyncio.get_running_loop().call_later(0.05, client.left.set)
    async with asyncio.timeout(5):
        assert await delivery.stop(Break.STALL, watch, None) is Outcome.ABORTED
    await tasks.close()

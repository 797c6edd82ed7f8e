"""Carries a script out: sends, waits, breaks off, and notices a client that leaves."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from enum import Enum
from typing import Any, TypeAlias

from entrepot.kit.tasks import TaskGroup
from entrepot.sandbox.faults import GARBAGE
from entrepot.sandbox.steps import Break, Pause, Script
from entrepot.sandbox.wire import Wire

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BREATH = 64
"""Frames sent in a row before others get their turn: `send` alone never yields while the client reads."""


class Outcome(Enum):
    """How an exchange ended."""

    FINISHED = "finished"
    ABORTED = "aborted"
    """The client left first."""
    TORN = "torn"
    """We broke it off, as asked."""


class Watch:
    """Tells when the client has left. Start it after the request's body was read."""

    __slots__ = ("_task",)

    def __init__(self, receive: Receive, tasks: TaskGroup) -> None:
        self._task = tasks.spawn(_until_gone(receive), "sandbox watch")

    @property
    def gone(self) -> bool:
        """The client has left."""
        return self._task.done()

    async def wait(self, seconds: float | None) -> None:
        """Wait so long, or until the client leaves."""
        if seconds is not None and seconds < 0.1:
            await asyncio.sleep(seconds)  # a third of the price of `wait`, and close enough
        else:
            await asyncio.wait([self._task], timeout=seconds)

    def stop(self) -> None:
        """Look no longer."""
        self._task.cancel()


async def deliver(script: Script, send: Send, watch: Watch, wire: Wire | None) -> Outcome:
    """Send status, headers and all steps."""
    await send({"type": "http.response.start", "status": script.status, "headers": list(script.headers)})
    loop = asyncio.get_running_loop()
    due = loop.time()
    sent = 0
    for step in script.steps:
        if watch.gone:
            return Outcome.ABORTED
        if isinstance(step, bytes):
            await send({"type": "http.response.body", "body": step, "more_body": True})
            sent += 1
            due += script.gap
            delay = due - loop.time() if script.gap else 0.0
            if delay > 0.001:
                await watch.wait(delay)
            elif sent % BREATH == 0:
                await asyncio.sleep(0)
        elif isinstance(step, Pause):
            await watch.wait(step.seconds)
        else:
            return await stop(step, watch, wire)
    if watch.gone:
        return Outcome.ABORTED
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return Outcome.FINISHED


async def stop(step: Break, watch: Watch, wire: Wire | None) -> Outcome:
    """Break off; returns when the connection is gone (a stall: when the client gives up)."""
    if step is Break.STALL:
        await watch.wait(None)
        return Outcome.ABORTED
    if wire is not None:
        wire.reset() if step is Break.RESET else wire.cut()
        await watch.wait(None)
    return Outcome.TORN


async def shout(watch: Watch, wire: Wire | None) -> Outcome:
    """Answer with bytes that are not HTTP."""
    if wire is not None:
        wire.shout(GARBAGE)
    return await stop(Break.CUT, watch, wire)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

"""A vendor with a meter of its own: what it read, what it wrote, and whether it was cut off, whatever its client is told.

A real socket and OpenAI's format. The model's name is the script: `m-100` writes 100 tokens, and behind it
`-think50` thinks so many tokens in silence first, `-head` sends the head of its answer before it begins, `-die20` breaks
off after 20 tokens. A token is four characters and takes `PACE` seconds.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

PACE = 0.002
TOKEN = " abc"


@dataclass
class Metered:
    """One answer as the vendor's own books have it."""

    prompt: int
    stream: bool
    written: int = 0
    """Tokens of text."""
    thought: int = 0
    """Tokens that nobody saw."""
    ended: str = "running"
    """`done`, `cut` (the client went away) or `died`."""

    @property
    def usage(self) -> dict[str, Any]:
        """What it bills."""
        output = self.written + self.thought
        details = {"reasoning_tokens": self.thought}
        total = {"prompt_tokens": self.prompt, "completion_tokens": output, "total_tokens": self.prompt + output}
        return total | {"completion_tokens_details": details}


@dataclass
class MeteredVendor:
    """Runs; `log` has an entry for each request."""

    port: int = 0
    log: list[Metered] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        """What an OpenAI SDK takes."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def over(self) -> Metered:
        """The last request, when it has ended."""
        async with asyncio.timeout(5):
            while self.log[-1].ended == "running":
                await asyncio.sleep(0.002)
        return self.log[-1]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(re.findall(r"content-length: (\d+)", head)[0])
        body = json.loads(await reader.readexactly(length))
        answer = Metered(prompt=len(json.dumps(body["messages"])) // 4, stream=bool(body.get("stream")))
        self.log.append(answer)
        gone = asyncio.ensure_future(reader.read())
        try:
            await _Answering(writer, gone, answer, body).run()
        except (TimeoutError, ConnectionError):
            answer.ended = "cut"
        finally:
            gone.cancel()
            writer.close()


class _Answering:
    """Writes one answer."""

    def __init__(
        self, writer: asyncio.StreamWriter, gone: "asyncio.Future[bytes]", answer: Metered, body: dict[str, Any]
    ) -> None:
        self.writer, self.gone, self.answer = writer, gone, answer
        self.script = {name: int(count or 0) for name, count in re.findall(r"-([a-z]*)(\d*)", body["model"])}
        self.capped = body.get("max_tokens", body.get("max_completion_tokens"))

    async def run(self) -> None:
        answer, wanted = self.answer, min(self.script[""], self.capped or 10**9)
        head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: "
        head += (b"text/event-stream" if answer.stream else b"application/json") + b"\r\n\r\n"
        if answer.stream or "head" in self.script:
            self.writer.write(head)
            await self.writer.drain()
        for _ in range(self.script.get("think", 0)):
            answer.thought += 1
            if await self.left():
                return
        while answer.written < wanted:
            if answer.written == self.script.get("die"):
                answer.ended = "died"
                return
            answer.written += 1
            if answer.stream:
                self.say({"choices": [{"index": 0, "delta": {"content": TOKEN}, "finish_reason": None}]})
            if await self.left():
                return
        if answer.stream:
            self.say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.say({"choices": [], "usage": answer.usage})
            self.writer.write(b"data: [DONE]\n\n")
        else:
            message = {"role": "assistant", "content": TOKEN * answer.written}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.writer.write(b"" if "head" in self.script else head)
            self.writer.write(json.dumps({"id": "c", "choices": [choice], "usage": answer.usage}).encode())
        await self.writer.drain()
        answer.ended = "done"

    def say(self, chunk: dict[str, Any]) -> None:
        self.writer.write(b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk"} | chunk).encode() + b"\n\n")

    async def left(self) -> bool:
        """A token's time passes; has the client gone meanwhile?"""
        await asyncio.wait([self.gone], timeout=PACE)
        if self.gone.done():
            self.answer.ended = "cut"
        return self.gone.done()


@contextlib.asynccontextmanager
async def running_metered() -> AsyncIterator[MeteredVendor]:
    """A metered vendor on a free port."""
    vendor = MeteredVendor()
    server = await asyncio.start_server(vendor.serve, "127.0.0.1", 0)
    vendor.port = server.sockets[0].getsockname()[1]
    async with server:
        yield vendor

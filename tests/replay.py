"""A vendor that answers with recordings: byte for byte, chosen by the model's name in the request."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Replay:
    """Answers by model name; keeps the bodies it got."""

    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    got: dict[str, dict[str, Any]] = field(default_factory=dict)
    heads: dict[str, dict[str, str]] = field(default_factory=dict)
    """The last request's headers, by model."""
    port: int = 0

    def add(self, model: str, record: dict[str, Any]) -> bytes:
        """Have `model` answered like the record; the body that will be sent."""
        if "response_sse" in record:
            kind, body = "text/event-stream; charset=utf-8", record["response_sse"].encode()
        elif "response_json" in record:
            kind, body = (
                "application/json",
                json.dumps(record["response_json"], ensure_ascii=False).encode("utf-8", "surrogatepass"),
            )
        else:
            kind, body = "text/plain", record.get("response_text", "").encode()
        self.answers[model] = (record["status"], kind, body)
        return body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
                body = json.loads(await reader.readexactly(length))
                self.got[body["model"]] = body
                self.heads[body["model"]] = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                status, kind, answer = self.answers[body["model"]]
                writer.write(f"HTTP/1.1 {status} OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
                for start in range(0, len(answer), 1000):  # cut without regard to frames
                    piece = answer[start : start + 1000]
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                writer.write(b"0\r\n\r\n")
        writer.close()


@contextlib.asynccontextmanager
async def running_replay() -> AsyncIterator[Replay]:
    """A replaying vendor on a free port."""
    replay = Replay()
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0, limit=1 << 24)
    replay.port = server.sockets[0].getsockname()[1]
    async with server:
        yield replay

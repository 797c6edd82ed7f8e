"""The vendor of the benchmarks: prebuilt answers in OpenAI's shape, at a pace, for as little CPU as Python allows.

The request's model says what to answer: `bench-whole`, or `bench-stream-{chunks}-{pace in ms}`.
A stream begins with head, role and first content at once; each later chunk is a write of its own.
"""

import asyncio
import random
import sys

import uvloop

CHUNK_SIZE = 300
"""Bytes of one SSE frame with content."""
ANSWER_SIZE = 1024
"""Bytes of a whole answer's body."""
TEXT = b" w"
"""How every content begins; the role's own content is empty."""

_HEADERS = (
    b"HTTP/1.1 200 OK\r\n"
    b"date: Tue, 01 Jul 2025 12:00:00 GMT\r\n"
    b"openai-organization: org-0123456789\r\n"
    b"openai-processing-ms: 412\r\n"
    b"openai-version: 2020-10-01\r\n"
    b"x-ratelimit-limit-requests: 10000\r\n"
    b"x-ratelimit-limit-tokens: 2000000\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\n"
    b"x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    b"server: bench\r\n"
)
_USAGE = (
    b'{"prompt_tokens":212,"completion_tokens":180,"total_tokens":392,"prompt_tokens_details":{"cached_tokens":0,'
    b'"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}'
)
_FACTS = b'"created":1739439309,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0165350fbb"'


def _whole() -> bytes:
    start = b'{"id":"chatcmpl-B0SvhBrGz9WtfvSFBpTKn8qqJfVvD","object":"chat.completion",' + _FACTS
    start += b',"choices":[{"index":0,"message":{"role":"assistant","content":"' + TEXT
    end = b'","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":' + _USAGE + b"}"
    body = start + b"ord " * 300
    body = body[: ANSWER_SIZE - len(end)] + end
    return _HEADERS + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def _frame(choices: bytes, usage: bytes = b"null", size: int = 0) -> bytes:
    """One SSE frame as an HTTP chunk; padded to `size` in the way that OpenAI pads."""
    start = b'data: {"id":"chatcmpl-B0SvhBrGz9WtfvSFBpTKn8qqJfVvD","object":"chat.completion.chunk",' + _FACTS
    frame = start + b',"choices":[' + choices + b'],"usage":' + usage + b',"obfuscation":""}\n\n'
    frame = frame.replace(b'"obfuscation":""', b'"obfuscation":"' + b"x" * (size - len(frame)) + b'"')
    return b"%x\r\n" % len(frame) + frame + b"\r\n"


def _choice(delta: bytes, finish: bytes = b"null") -> bytes:
    return b'{"index":0,"delta":{' + delta + b'},"finish_reason":' + finish + b"}"


WHOLE = _whole()
CHUNK = _frame(_choice(b'"content":"' + TEXT + b'ord"'), size=CHUNK_SIZE)
BEGIN = (
    _HEADERS
    + b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
    + _frame(_choice(b'"role":"assistant","content":"","refusal":null'))
    + CHUNK
)
END = _frame(_choice(b"", b'"stop"')) + _frame(b"", _USAGE) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Vendor(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.loop = asyncio.get_running_loop()
        self.buffer = b""
        self.left = 0
        self.pace = 0.0

    def data_received(self, data: bytes) -> None:
        self.buffer = buffer = self.buffer + data if self.buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        fields = buffer[:head].lower()
        at = fields.find(b"content-length:") + 15
        end = fields.find(b"\r", at)
        length = int(fields[at : end if end > 0 else None])
        if len(buffer) < head + 4 + length:
            return
        self.buffer = b""
        at = buffer.find(b'"model":"bench-', head) + 15
        self.answer(buffer[at : buffer.find(b'"', at)])

    def answer(self, what: bytes) -> None:
        if what == b"whole":
            self.transport.write(WHOLE)
            return
        _, count, pace = what.split(b"-")
        self.left, self.pace = int(count) - 1, int(pace) / 1000
        self.transport.write(BEGIN)
        self.loop.call_later(self.pace * random.random(), self.tick)

    def tick(self) -> None:
        if self.transport.is_closing():
            return
        if self.left > 0:
            self.left -= 1
            self.transport.write(CHUNK)
            self.loop.call_later(self.pace, self.tick)
        else:
            self.transport.write(END)


def main() -> None:
    """Serve until killed; the port is the first line on standard output."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0, backlog=4096)
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()

    uvloop.run(serve())

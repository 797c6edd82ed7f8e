"""What differs by dialect beside the answer itself: the words of an error, how a stream breaks and ends, the id's header."""

import secrets
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from entrepot.kit import json

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


class Problem(msgspec.Struct, frozen=True):
    """An error, before anybody words it."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    """OpenAI's type; Anthropic's follows from the status."""
    param: str | None = None
    code: str | None = None


class Tongue(msgspec.Struct, frozen=True):
    """One dialect's words."""

    error: Callable[[Problem], bytes]
    """An error as a body, and as the data of an event."""
    before_error: bytes
    """What precedes that data in a stream."""
    broken: bytes
    """A frame whose JSON is cut."""
    done: bytes
    """The last frame of a stream."""
    headers: Callable[[], Headers]
    """What the vendor adds to every answer."""

    def error_event(self, problem: Problem) -> bytes:
        """An error in the middle of a stream."""
        return self.before_error + self.error(problem) + b"\n\n"


def _request_id() -> bytes:
    """An id to quote in a complaint."""
    return b"req_" + secrets.token_hex(16).encode()


def _openai_error(problem: Problem) -> bytes:
    error = {"message": problem.message, "type": problem.kind, "param": problem.param, "code": problem.code}
    return json.encode({"error": error})


def _anthropic_error(problem: Problem) -> bytes:
    kind = _TYPES.get(problem.status) or ("api_error" if problem.status >= 500 else "invalid_request_error")
    return json.encode({"type": "error", "error": {"type": kind, "message": problem.message}})


_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

OPENAI = Tongue(
    error=_openai_error,
    before_error=b"data: ",
    broken=b'data: {"id":"chatcmpl-broken","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"cont\n\n',
    done=b"data: [DONE]\n\n",
    headers=lambda: ((b"x-request-id", _request_id()), (b"openai-version", b"2020-10-01")),
)
ANTHROPIC = Tongue(
    error=_anthropic_error,
    before_error=b"event: error\ndata: ",
    broken=b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_del\n\n',
    done=b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    headers=lambda: ((b"request-id", _request_id()),),
)

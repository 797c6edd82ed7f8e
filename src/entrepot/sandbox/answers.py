"""What an endpoint gives back, before any fault: a whole answer, a stream, or a refusal."""

import secrets
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from entrepot.kit import json
from entrepot.sandbox.tongues import OPENAI, Headers, Problem, Tongue

JSON: Headers = ((b"content-type", b"application/json"),)
EVENTS: Headers = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))
DONE = OPENAI.done
FINGERPRINT = "fp_sandbox"


class Whole(msgspec.Struct, frozen=True):
    """One body of known length."""

    body: bytes
    status: int = 200
    headers: Headers = JSON
    wait: float = 0.0
    """Seconds before the first byte."""
    filler: int = 0
    """Bytes of `x` to send where `fill_at` points."""
    fill_at: int = 0


class Stream(msgspec.Struct, frozen=True):
    """Server-sent events, made while they are sent."""

    frames: Iterator[bytes]
    gap: float = 0.0
    """Seconds from one frame to the next; 0 is as fast as the client reads."""
    headers: Headers = EVENTS


Answer: TypeAlias = Whole | Stream


class Stamp(msgspec.Struct, frozen=True):
    """What is new in each answer."""

    id: str
    created: int
    """Seconds since 1970 UTC."""


class Refusal(Exception):
    """The request is answered with an error."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem

    def answer(self, tongue: Tongue = OPENAI) -> Whole:
        """Ready to send, in one dialect's words."""
        return Whole(tongue.error(self.problem), self.problem.status)


def stamp(prefix: str, now: float) -> Stamp:
    """A new id, such as `chatcmpl-5f2c…`, and the time."""
    return Stamp(prefix + secrets.token_hex(14), int(now))


def whole(value: Any) -> Whole:
    """A JSON value as an answer."""
    return Whole(json.encode(value))


def refusal(status: int, message: str, param: str | None = None, code: str | None = None) -> Refusal:
    """A request that is at fault itself (`invalid_request_error`)."""
    return Refusal(Problem(status, message, param=param, code=code))


def unknown_model(asked: str) -> Refusal:
    """No such model, or not at this endpoint."""
    return refusal(404, f"The model `{asked}` does not exist in this sandbox.", "model", "model_not_found")

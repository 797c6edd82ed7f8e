"""Finished calls to observe."""

from collections.abc import Callable

import pytest

from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage

Recording = Callable[..., Record]

_FACTS = {
    "id": "req_20261120abcdefg0123456789",
    "operation": "chat",
    "dialect": "openai_chat",
    "arrived": 1_800_000_000.125,
    "status": 200,
    "outcome": "ok",
    "fault": None,
    "model": "gpt-4o",
    "stream": True,
    "address": "203.0.113.7",
    "client_id": "client-1",
    "user_id": 3,
    "key_id": 4,
    "key_name": "app",
    "group": "default",
    "channel_id": 5,
    "channel": "north",
    "provider": "openai",
    "upstream_model": "gpt-4o-2026",
    "attempts": (Attempt("south", 6, 7, 503, 12.34, "vendor_overloaded"), Attempt("north", 5, 8, 200, 456.78)),
    "usage": Usage(input=10, cache_read=5, output=20, reasoning=1),
    "ttft_ms": 210.04,
    "total_ms": 1234.56,
    "bytes_in": 1000,
    "bytes_out": 2000,
    "dropped": ("logit_bias",),
}


@pytest.fixture
def record() -> Recording:
    """Makes a record that differs from the usual one in what is given."""

    def make(**changes: object) -> Record:
        return Record(**{**_FACTS, **changes})  # type: ignore[arg-type]

    return make

"""Calls whose client and vendor speak different chat formats, through a relay, with the sandbox as vendor."""

from typing import Any

import pytest

from entrepot.core.call import Operation
from entrepot.kit import json
from tests.relays import channel, running_relay
from tests.vendors import running_sandbox

QUESTION: dict[Operation, dict[str, Any]] = {
    "chat": {"model": "sandbox/echo", "messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50},
    "messages": {"model": "sandbox/echo", "messages": [{"role": "user", "content": "hello there"}], "max_tokens": 50},
}


def text_of(operation: Operation, body: bytes) -> str:
    answer = json.decode(body)
    if operation == "chat":
        return answer["choices"][0]["message"]["content"]
    return "".join(block["text"] for block in answer["content"] if block["type"] == "text")


@pytest.mark.parametrize(("client", "api"), [("chat", "messages"), ("messages", "chat")])
async def test_an_answer_is_the_same_as_without_conversion(client: Operation, api: str) -> None:
    async with (
        running_sandbox() as vendor,
        running_relay([channel(vendor)]) as plain,
        running_relay([channel(vendor, api=api)]) as converting,
    ):
        expected, first = await plain.call(QUESTION[client], operation=client)
        got, second = await converting.call(QUESTION[client], operation=client)
    assert text_of(client, got.body) == text_of(client, expected.body)
    assert (second.outcome, second.status, second.usage) == (first.outcome, 200, first.usage)
    assert second.charge == first.charge

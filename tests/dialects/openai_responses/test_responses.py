"""Responses forwarded: nothing is stored, doors stay shut."""

from typing import Any

import pytest

from entrepot.core.dialect import Changes, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_responses.responses import OpenAIResponses, cut_off
from entrepot.kit import json
from tests.dialects.openai_responses.asking import frame, frames

DIALECT = OpenAIResponses()


def peek(**body: Any) -> Any:
    return DIALECT.peek(json.encode({"model": "m", "input": "hi", **body}))


@pytest.mark.parametrize(("given", "dropped"), [({}, ()), ({"store": False}, ()), ({"store": True}, ("store",))])
def test_nothing_is_stored(given: dict[str, Any], dropped: tuple[str, ...]) -> None:
    found = peek(**given)
    assert found.dropped == dropped
    assert json.decode(DIALECT.patch(found, Changes(max_output=5)))["store"] is False
    assert json.decode(DIALECT.patch(found, Changes(max_output=5)))["max_output_tokens"] == 16


@pytest.mark.parametrize(
    "body",
    [
        {"previous_response_id": "r"},
        {"conversation": {"id": "c"}},
        {"prompt": {"id": "p"}},
        {"input": [{"type": "item_reference", "id": "i"}]},
        {"input": [{"id": "i"}]},
        {"input": [{"id": "i", "type": None}]},
        {"tools": [{"type": "shell", "environment": {"type": "container_reference", "container_id": "cntr_1"}}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "file\\u005fid": "f"}]}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}]},
    ],
)
def test_objects_of_other_tenants_cannot_be_named(body: dict[str, Any]) -> None:
    raw = json.encode({"model": "m", "input": "hi", **body}).replace(b"\\\\u005f", b"\\u005f")
    with pytest.raises(Fault) as raised:
        DIALECT.peek(raw)
    assert raised.value.kind is Kind.FOREIGN_OBJECT


def test_a_tool_of_the_clients_may_have_such_a_field() -> None:
    schema = {"type": "object", "properties": {"file_id": {"type": "string"}}}
    assert peek(tools=[{"type": "function", "name": "f", "parameters": schema}]).model == "m"
    with pytest.raises(Fault):
        peek(background=True)


def test_a_mapped_name_and_a_cut_off() -> None:
    tap = DIALECT.tap(Tapping(stream=True, show_model="public"))
    out = tap.feed(frame("response.created", sequence_number=0, response={"id": "r", "model": "vendor-1"}))
    assert frames(out)[0]["response"]["model"] == "public"
    last = frames(tap.cutoff())[0]
    assert (last["type"], last["sequence_number"]) == ("response.incomplete", 1)
    assert cut_off(0)


def test_other_models_that_may_work() -> None:
    """OpenRouter tries them when the first one fails."""
    dialect = OpenAIResponses()
    assert dialect.others(dialect.peek(b'{"model":"m","input":"x","models":["n"]}')) == ["n"]

"""What is refused, taken out and changed in a request."""

import json
from typing import Any

import pytest

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.messages import AnthropicMessages
from entrepot.dialects.anthropic.requests import added, guard, others, patch
from entrepot.kit.json import Members, Raw, members
from tests.dialects.anthropic.recordings import FILES, encoded
from tests.shared import corpus, requires_shared

FILE = {"type": "file", "file_id": "file_other"}
CALL = {"type": "tool_use", "id": "t", "name": "f"}


def body(**fields: Any) -> Members:
    return members(json.dumps({"model": "m", "max_tokens": 9, "messages": []} | fields).encode())


def user(*blocks: Any) -> list[Any]:
    return [{"role": "user", "content": list(blocks)}]


@pytest.mark.parametrize(
    "messages",
    [
        user({"type": "image", "source": FILE}),
        user({"type": "text", "text": "x"}, {"type": "document", "source": FILE}),
        user({"type": "container_upload", "file_id": "file_other"}),
        user({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": FILE}]}),
        user({"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": FILE}]}}),
        user({"type": "something_new", "deep": {"file_id": "file_other"}}),
        [{"role": "user", "content": {"source": FILE}}],
    ],
)
def test_files_named_by_id_are_refused(messages: Any) -> None:
    for given in (body(messages=messages), body(system=messages)):
        with pytest.raises(Fault, match="file_other") as caught:
            guard(given)
        assert caught.value.kind is Kind.FOREIGN_OBJECT


def test_a_key_in_disguise_is_the_same_key() -> None:
    raw = b'{"messages":[{"role":"user","content":[{"source":{"type":"file","\\u0066ile_id":"file_other"}}]}]}'
    with pytest.raises(Fault, match="file_other"):
        guard(members(raw))


@pytest.mark.parametrize(
    "messages",
    [
        user({"type": "text", "text": '{"file_id": "file_other"}'}),
        [{"role": "assistant", "content": [CALL | {"input": {"file_id": "mine", "deep": {"file_id": "mine"}}}]}],
        [{"role": "assistant", "content": [{"type": "server_tool_use", "input": {"file_id": "mine"}}]}],
        [
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "code_execution_tool_result",
                        "content": {"content": [{"type": "code_execution_output", "file_id": "file_made_here"}]},
                    }
                ],
            }
        ],
        user({"type": "text", "text": "caf\u00e9 \u00e9"}),
    ],
)
def test_what_only_looks_like_a_file_passes(messages: Any) -> None:
    assert guard(body(messages=messages)) == ()


def test_too_deep_to_look_through() -> None:
    deep = b'{"messages":[' + b'{"file_id":1,"x":' * 300 + b"1" + b"}" * 300 + b"]}"
    with pytest.raises(Fault) as caught:
        guard(members(deep))
    assert caught.value.kind is Kind.TOO_DEEP


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"container": "container_1"}, "container"),
        ({"container": {"id": "container_1"}}, "container"),
        ({"container": {"skills": [{"type": "custom", "skill_id": "skill_1"}]}}, "container"),
        ({"container": {"skills": [{"type": "anthropic", "skill_id": "pptx"}, {"skill_id": "skill_1"}]}}, "container"),
        ({"container": 7}, "container"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "thread"),
    ],
)
def test_other_doors(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault) as caught:
        guard(body(**fields))
    assert (caught.value.kind, caught.value.param) == (Kind.FOREIGN_OBJECT, param)


@pytest.mark.parametrize(
    "fields",
    [
        {"container": None},
        {"container": {"id": None, "skills": [{"type": "anthropic", "skill_id": "pptx", "version": "latest"}]}},
        {"thread": {"type": "create"}},
        {"thread": None},
        {"inference_geo": None},
        {"inference_geo": "global"},
        {"speed": "standard"},
        {"speed": None},
        {"fallbacks": [{"model": "claude-b"}]},
        {"fallbacks": "default"},
        {"diagnostics": {"previous_message_id": "msg_1"}},
        {"mcp_servers": [{"type": "url", "url": "https://mcp.example", "name": "x"}]},
        {"something_new": {"id": "x_1"}},
    ],
)
def test_what_names_nothing_passes(fields: dict[str, Any]) -> None:
    given = body(**fields)
    assert guard(given) == ()
    assert given == body(**fields)


def test_fast_mode_is_taken_out_and_named() -> None:
    given = body(speed="fast")
    assert guard(given) == ("speed",)
    assert "speed" not in given


@pytest.mark.parametrize("fields", [{"inference_geo": "us"}, {"fallbacks": [{"model": "b", "speed": "fast"}]}])
def test_what_has_no_price_here(fields: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        guard(body(**fields))
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_FIELD, next(iter(fields)))


def peeked(raw: bytes) -> Peek:
    return Peek(model="m", stream=False, members=members(raw))


def test_what_is_not_understood_keeps_its_bytes() -> None:
    raw = b'{"model":"a","max_tokens":9,"messages":[],"unknown":{"x":[1.0,2e5,"\\u00e9"]},"big":12345678901234567890123}'
    assert patch(peeked(raw), Changes()) == raw


def test_changes() -> None:
    peek = peeked(b'{"model":"a","max_tokens":900,"messages":[],"temperature":1}')
    changes = Changes(model="b", ask_usage=True, set={"temperature": Raw(b"0.5")}, max_output=70)
    assert patch(peek, changes) == b'{"model":"b","max_tokens":70,"messages":[],"temperature":0.5}'


@pytest.mark.parametrize(
    ("thinking", "cap", "sent"),
    [
        ({"type": "enabled", "budget_tokens": 8000}, 5000, {"type": "enabled", "budget_tokens": 4999}),
        ({"type": "enabled", "budget_tokens": 3000}, 5000, {"type": "enabled", "budget_tokens": 3000}),
        ({"type": "enabled", "budget_tokens": 8000}, 1025, {"type": "enabled", "budget_tokens": 1024}),
        ({"type": "disabled"}, 500, {"type": "disabled"}),
        ({"type": "adaptive"}, 5000, {"type": "adaptive"}),
        ("odd", 5000, "odd"),
    ],
)
def test_a_cap_of_ours_leaves_room_for_the_budget(thinking: Any, cap: int, sent: Any) -> None:
    raw = json.dumps({"model": "a", "max_tokens": 9000, "messages": [], "thinking": thinking}).encode()
    assert json.loads(patch(peeked(raw), Changes(max_output=cap)))["thinking"] == sent


@pytest.mark.parametrize(
    ("tools", "tokens"),
    [
        (None, 0),
        ([], 0),
        ([{"name": "f", "input_schema": {}}], 480),
        ([{"name": "f_20250101x", "input_schema": {}}] * 1000, 480),
        ([{"type": "web_search_20250305", "name": "web_search"}], 8480),
        ([{"type": "web_fetch_20250910", "name": "f"}, {"type": "tool_search_tool_bm25_20251119", "name": "g"}], 9980),
        ([{"name": "web_search", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}], 1980),
        ("odd", 480),
    ],
)
def test_what_tools_add_to_the_prompt(tools: Any, tokens: int) -> None:
    raw = json.dumps({"model": "a", "messages": []} | ({} if tools is None else {"tools": tools})).encode()
    assert added(members(raw)) == tokens
    assert AnthropicMessages().peek(raw).added == tokens


def test_other_models_that_may_work() -> None:
    advisor = {"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-4-8"}
    tools = [{"name": "f", "input_schema": {"properties": {"model": {}}}}, advisor, "odd", {"model": 5}]
    found = others(body(tools=tools, fallbacks=[{"model": "claude-sonnet-5"}, {}]))
    assert found == ["claude-opus-4-8", "claude-sonnet-5"]
    assert others(body(fallbacks="default", tools={"model": "x"})) == []
    assert AnthropicMessages().others(peeked(b'{"fallbacks":[{"model":"m"}]}')) == ["m"]


def test_a_cap_of_ours_that_leaves_no_room_to_think_in() -> None:
    raw = b'{"model":"a","max_tokens":9000,"messages":[],"thinking":{"type":"enabled","budget_tokens":1024}}'
    with pytest.raises(Fault, match="pays for 1024 tokens") as caught:
        patch(peeked(raw), Changes(max_output=1024))
    assert caught.value.kind is Kind.INSUFFICIENT_QUOTA


@requires_shared
def test_recorded_requests_pass_unless_they_name_an_object() -> None:
    refused: list[str] = []
    count = 0
    for name in FILES:
        for record in corpus(name):
            if "request_json" not in record:
                continue
            count += 1
            try:
                guard(members(encoded(record["request_json"])))
            except Fault as fault:
                refused.append(f"{fault.kind.value} {fault.param} {record['id']}")
    assert count > 150
    assert all(name.startswith("foreign_object") for name in refused), refused
    assert len(refused) < 10, refused

"""Whatever a client or a vendor sends, a conversion gives an answer or a Fault: never an error of our own."""

import copy
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.core.ask import Ask
from entrepot.core.conversion import Convertible, Reading, Target, Writing, Written
from entrepot.core.emulation import Emulation
from entrepot.core.events import Begin, CallBegin, CallDelta, Delta, Event, Finish
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.catalogue import load_dialects
from entrepot.relay.convert import ConvertedTap
from tests.dialects.conversions import NO_PEEK, SEED, events_of, summary, written
from tests.dialects.crossing import CHATS, FILES
from tests.dialects.small_requests import REQUESTS
from tests.shared import corpus

N = 60
"""Examples of each format; the finds of long runs are tests of their own below."""
MODELS = {
    "openai_chat": ("gpt-5.1", "gpt-4o", "deepseek-chat"),
    "openai_responses": ("gpt-5", "gpt-4o"),
    "anthropic": ("claude-opus-4-5", "claude-opus-4-6", "claude-3-5-haiku-latest"),
    "gemini": ("gemini-2.5-pro", "gemini-3-pro-preview", "gemini-2.0-flash"),
}
DEEP: Any = "x"
for _ in range(300):
    DEEP = [DEEP]
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**30, -(2**70), 0.5, -0.0, 1e308, "", "x", "data:", "data:image/png;base64,!!",
    "é" * 3, "\x00",
    "\ud800", "{", "[]", "null", '{"a":1}', [], {}, [[]], [{}], {"": None}, {"type": "x"}, {"type": []}, {"text": {}},
    [{"type": "text", "text": "t"}], {"type": "object", "properties": []}, {"$ref": "#/x"}, {"id": [], "name": {}}, DEEP,
    [None, 1, "x", {}, []], "tool_calls", "STOP", "https://example.com/a.png", "file:///etc/passwd",
)  # fmt: skip
odd = st.sampled_from(ODD)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be put."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield from places(item, (*path, name))


def put(value: Any, path: Sequence[Any], new: Any) -> None:
    """Replace what stands there."""
    for name in path[:-1]:
        value = value[name]
    value[path[-1]] = new


class Mutant(NamedTuple):
    """Something with odd values in it."""

    value: Any
    changes: list[tuple[tuple[Any, ...], Any]]


@st.composite
def mutants(draw: st.DrawFn, bases: Sequence[Any]) -> Mutant:
    """One of these with odd values in one to three places."""
    value = copy.deepcopy(draw(st.sampled_from(bases)))
    changes = []
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(value))))
        new = copy.deepcopy(draw(odd))
        put(value, path, new)
        changes.append((path, new))
    return Mutant(value, changes)


def encoded(value: Any) -> bytes:
    """As bytes; lone surrogates stay escapes."""
    return json.dumps(value).encode()


def every_write(ask: Ask) -> None:
    """Written for every format: a body or a Fault."""
    for vendor in CHATS:
        for model in MODELS[vendor.name]:
            for target in (
                Target(model),
                Target(model, plain=True, thinking_field="reasoning_content", max_output=5, ask_usage=True),
            ):
                try:
                    list(vendor.links(ask))
                    made = vendor.write(ask, target)
                except Fault:
                    continue
                assert isinstance(json.loads(made.body), dict)
                Emulation.needed(made)


def recorded_requests(name: str) -> list[dict[str, Any]]:
    """Small recorded ones, spread over the files."""
    found = [
        record["request_json"]
        for file in FILES[name]
        for record in corpus(file)
        if isinstance(record.get("request_json"), dict) and len(json.dumps(record["request_json"])) < 6000
    ]
    return found[:: max(len(found) // 40, 1)]


@pytest.fixture(scope="module", params=[chat.name for chat in CHATS])
def dialect(request: pytest.FixtureRequest) -> Convertible:
    return next(chat for chat in CHATS if chat.name == request.param)


def read(dialect: Convertible, body: bytes) -> Ask:
    """As the relay does it."""
    peek = load_dialects()[dialect.operation].peek(body)
    return dialect.read(peek)


def test_small_requests_are_convertible(dialect: Convertible) -> None:
    for request in REQUESTS[dialect.name]:
        every_write(read(dialect, encoded(request)))


def test_any_request_is_converted_or_refused(dialect: Convertible) -> None:
    bases = [*REQUESTS[dialect.name] * 10, *recorded_requests(dialect.name)]

    @settings(max_examples=N, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(mutants(bases))
    def check(mutant: Mutant) -> None:
        try:
            ask = read(dialect, encoded(mutant.value))
        except Fault:
            return
        every_write(ask)

    check()


def test_a_schema_too_deep_to_be_walked_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(600):
        schema = {"type": "object", "items": schema}
    chat = {
        **REQUESTS["openai_chat"][0],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
    }
    tools = [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]
    for name, request in (("openai_chat", chat), ("gemini", {**REQUESTS["gemini"][0], "tools": tools})):
        with pytest.raises(Fault) as raised:
            read(next(one for one in CHATS if one.name == name), encoded(request))
        assert raised.value.kind is Kind.TOO_DEEP


def test_words_inside_a_call_lose_nothing_of_it() -> None:
    """Some vendors say words while a call's arguments still come."""
    events: list[Event] = [
        Begin(), CallBegin(0, "c", "f"), CallDelta(0, '{"a":'), Delta("text", "hm"), CallDelta(0, "1}"), Delta("text", "!"),
        Finish("tool_calls"),
    ]  # fmt: skip
    for client in CHATS:
        said = summary(events_of(client, written(client, events, stream=True), stream=True)).choices[0]
        assert (said.text, said.calls, said.reason) == ("hm!", [("f", {"a": 1})], "tool_calls")


def vendor_answers(dialect: Convertible) -> list[tuple[bool, list[Any]]]:
    """Recorded answers: streamed or not, and the payloads."""
    found: list[tuple[bool, list[Any]]] = []
    for file in FILES[dialect.name]:
        for record in corpus(file):
            if record["status"] != 200:
                continue
            if "response_sse" in record and len(record["response_sse"]) < 12000:
                lines = [line[5:].strip() for line in record["response_sse"].splitlines() if line.startswith("data:")]
                found.append((True, [json.loads(line) if line[:1] == "{" else line for line in lines if line]))
            elif isinstance(record.get("response_json"), dict) and len(json.dumps(record["response_json"])) < 8000:
                found.append((False, [record["response_json"]]))
    streams, whole = [one for one in found if one[0]], [one for one in found if not one[0]]
    return [*streams[:: max(len(streams) // 25, 1)], *whole[:: max(len(whole) // 15, 1)]]


def sent(dialect: Convertible, payloads: Sequence[Any], *, stream: bool) -> bytes:
    """As the vendor's bytes."""
    if not stream:
        return encoded(payloads[0])
    out = b""
    for payload in payloads:
        kind = payload.get("type") if isinstance(payload, dict) else None
        out += f"event: {kind}\n".encode() if isinstance(kind, str) and kind.isidentifier() else b""
        out += b"data: " + (payload.encode() if isinstance(payload, str) else encoded(payload)) + b"\n\n"
    return out


def converted(vendor: Convertible, client: Convertible, body: bytes, cuts: Sequence[int], *, stream: bool) -> None:
    """Through the relay's own tap, as the relay feeds it: bytes or a Fault."""
    how = Writing(stream, SEED, "asked-for", 1_700_000_000, wants_usage=True, peek=NO_PEEK)
    tap = ConvertedTap(vendor.reader(Reading(stream, SEED)), client.writer(how), Written(b"{}", (), {"a": "f"}), stream=stream)
    refused: Fault | None = None
    edges = [0, *sorted(cut % max(len(body), 1) for cut in cuts), len(body)]
    try:
        for start, end in itertools.pairwise(edges):
            tap.feed(body[start:end])
            tap.counted()
        tap.end()
        tap.last("0.1")
    except Fault as fault:
        refused = fault
    assert refused is None or refused.kind in (Kind.VENDOR_GARBAGE, Kind.VENDOR_TRUNCATED)
    if stream:
        tap.cutoff()


@st.composite
def broken(draw: st.DrawFn, bases: Sequence[tuple[bool, list[Any]]]) -> tuple[bool, list[Any]]:
    """An answer with odd values, and with frames that are lost, doubled or moved."""
    stream, payloads = draw(st.sampled_from(bases))
    payloads = copy.deepcopy(payloads)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(payloads) - 1))
        how = draw(st.sampled_from(("odd", "odd", "odd", "lost", "twice", "moved"))) if stream and len(payloads) > 2 else "odd"
        if how == "odd":
            paths = list(places(payloads[index]))
            if paths:
                put(payloads[index], draw(st.sampled_from(paths)), copy.deepcopy(draw(odd)))
        elif how == "twice":
            payloads.insert(draw(st.integers(0, len(payloads) - 1)), payloads[index])
        else:
            taken = payloads.pop(index)
            if how == "moved":
                payloads.insert(draw(st.integers(0, len(payloads))), taken)
    return stream, payloads


def test_any_answer_is_converted_or_refused(dialect: Convertible) -> None:
    bases = vendor_answers(dialect)
    if not bases:
        pytest.skip("needs the recordings in ../shared/corpora")

    @settings(max_examples=N, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(broken(bases), st.lists(st.integers(0, 20000), max_size=4))
    def check(answer: tuple[bool, list[Any]], cuts: list[int]) -> None:
        stream, payloads = answer
        body = sent(dialect, payloads, stream=stream)
        for client in CHATS:
            converted(dialect, client, body, cuts, stream=stream)

    check()

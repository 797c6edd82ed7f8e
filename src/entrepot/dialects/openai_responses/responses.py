"""OpenAI Responses, forwarded: POST /v1/responses, streamed and whole.

A vendor's key is shared by many tenants, and what is stored there can be read with it: `store` is always false, and a
request that names an object of the vendor's (an earlier response, a conversation, a prompt, a file, a container) is refused.
Source: OpenAI's API reference, "Create a model response".
"""

from typing import Any, Final, cast

from entrepot.core.call import Peek, Standing
from entrepot.core.conversion import Reading
from entrepot.core.dialect import Changes, Rendered, Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.dialects.openai_responses.reader import ResponsesReader
from entrepot.dialects.shared import bodies, openai_faults
from entrepot.dialects.shared.reading import ReadingTap
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_TRUE, _FALSE, _NULL = Raw(b"true"), Raw(b"false"), Raw(b"null")
_OBJECTS: Final = ("previous_response_id", "conversation", "prompt")
"""Fields that name what is kept at the vendor."""
_NAMES: Final = (
    *(b'file_id"', b'file_ids"', b'vector_store_ids"', b'item_reference"', b'container"', b'container_id"', b'skill_id"'),
    *(b'"id"', b"\\u00"),
)
"""One of these stands where a request may name an object deeper inside."""
_DOORS: Final = frozenset(("file_id", "vector_store_ids", "file_ids", "skill_id"))
_MAX_DEPTH = 200


class OpenAIResponses:
    """Responses (contract: core/dialect.py, Dialect)."""

    name = "openai_responses"
    passes: tuple[bytes, ...] = ()
    shows: tuple[bytes, ...] = (b"openai-version", b"openai-processing-ms")
    id_header = b""

    def peek(self, body: bytes) -> Peek:
        """Read the few fields that we need.

        Raises Fault: INVALID_JSON, TOO_DEEP, INVALID_FIELD, MISSING_MODEL, FOREIGN_OBJECT.
        """
        members = bodies.read_members(body)
        model = bodies.read_model(members)
        stream = bodies.read_flag(members, "stream")
        return Peek(
            model=model,
            stream=stream,
            members=members,
            wants_usage=stream,  # it comes unasked, and stays
            size=len(body),
            max_output=bodies.read_count(members, "max_output_tokens"),
            dropped=guard(members),
        )

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed; every other value keeps its bytes."""
        members = bodies.changed(peek, changes)
        if changes.max_output is not None:
            members["max_output_tokens"] = json.raw(max(changes.max_output, 16))
        return json.encode(members)

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        return ReadingTap(how, ResponsesReader(Reading(how.stream, "forwarded")), "model", cut_off)

    def others(self, peek: Peek) -> list[str]:
        """Other models that the request lets work: OpenRouter's fallbacks."""
        return bodies.read_names(peek.members, "models")

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """None: only a model answers this."""
        del prompt_tokens
        return None

    def limits(self, standing: tuple[Standing, ...]) -> Headers:
        """Headers that tell a client how near its limits it is, in OpenAI's words."""
        return openai_faults.limits(standing)

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """A vendor's answer with status ≥ 400 as a fault."""
        return openai_faults.refusal(status, headers, body)

    def render(self, fault: Fault, request_id: str = "") -> Rendered:
        """A fault before the first byte."""
        del request_id  # its clients read the header
        return openai_faults.render(fault)

    def render_late(self, fault: Fault) -> bytes:
        """A fault in mid-stream."""
        error = {"type": "error", "code": fault.code, "message": fault.message, "param": fault.param}
        return b"event: error\ndata: " + json.encode(error) + b"\n\n"


def guard(members: Members) -> tuple[str, ...]:
    """Keep `store` off, and refuse what names objects that are kept at the vendor. Gives what is dropped.

    Raises Fault(FOREIGN_OBJECT | INVALID_FIELD | INVALID_JSON | TOO_DEEP).
    """
    for name in _OBJECTS:
        if members.get(name, _NULL) != _NULL:
            message = f"{name}: nothing is kept here between requests. Send the whole conversation as input."
            raise Fault(Kind.FOREIGN_OBJECT, message, param=name)
    if members.get("background", _FALSE) not in (_FALSE, _NULL):
        raise Fault(Kind.INVALID_FIELD, "background: responses are not kept here, so they cannot run in the background.")
    for name in ("input", "tools"):
        raw = members.get(name)
        if raw is not None and any(word in bytes(raw) for word in _NAMES):
            _check(bodies.decoded(raw), name)
    asked = members.get("store") == _TRUE
    members["store"] = _FALSE
    return ("store",) if asked else ()


def _check(value: Any, param: str) -> None:
    """No object of the vendor's is named anywhere inside. No recursion: decoders follow deeper than Python's stack."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise Fault(Kind.TOO_DEEP)
        if isinstance(inner, list):
            waiting.extend((item, depth + 1) for item in cast("list[Any]", inner))
        elif isinstance(inner, dict):
            fields = cast("dict[str, Any]", inner)
            _check_object(fields, param)
            if depth == 1 and param == "input" and fields.get("type") is None and "role" not in fields:
                raise Fault(Kind.FOREIGN_OBJECT, "input: an item needs a type or a role.", param="input")  # a reference
            schema = fields.get("type") == "function" and "parameters" in fields
            waiting.extend((item, depth + 1) for name, item in fields.items() if not (schema and name == "parameters"))


def _check_object(fields: dict[str, Any], param: str) -> None:
    named = next((name for name in _DOORS if fields.get(name)), None)
    if fields.get("type") == "item_reference":
        named = "item_reference"
    elif fields.get("type") == "code_interpreter" and isinstance(fields.get("container"), str):
        named = "container"
    elif fields.get("type") == "container_reference":
        named = "container_id"
    if named is not None:
        message = f"{param}: '{named}' names an object that is not kept here. Send what it holds instead."
        raise Fault(Kind.FOREIGN_OBJECT, message, param=param)


def cut_off(frames: int) -> bytes:
    """A response that stopped at its cap, after so many frames. What was said stands in the deltas."""
    response: dict[str, Any] = {
        "id": "resp_cut_off",
        "object": "response",
        "status": "incomplete",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [],
    }
    said = {"type": "response.incomplete", "sequence_number": frames, "response": response}
    return b"event: response.incomplete\ndata: " + json.encode(said) + b"\n\n"

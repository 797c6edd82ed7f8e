"""The contents of a generateContent request as turns.

Calls have no ids here, as a rule: they are given one by their place, and results find theirs by name and order.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from entrepot.core.ask import Media, Native, Part, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.fields import Field
from entrepot.kit import json

NAME: Final = "gemini"
SKIP: Final = "skip_thought_signature_validator"
"""Google's documented stand-in for the signature of a call that another model made."""
_CODE: Mapping[str, str] = {
    "executableCode": "executableCode",
    "executable_code": "executableCode",
    "codeExecutionResult": "codeExecutionResult",
    "code_execution_result": "codeExecutionResult",
    "toolCall": "toolCall",
    "toolResponse": "toolResponse",
}


class _Calls:
    """Calls that wait for their result."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[str, str]] = []

    def call(self, number: str, name: str) -> str:
        """A call begins; its id."""
        number = number or f"call_{self._made}"
        self._made += 1
        self._open.append((number, name))
        return number

    def answer(self, number: str, name: str) -> str:
        """A result came; the id of the call that it answers."""
        for place, (known, called) in enumerate(self._open):
            if number == known or (not number and called == name):
                del self._open[place]
                return known
        return number or f"call_{self._made}"


def read_contents(contents: Field) -> tuple[Turn, ...]:
    """All turns. Raises Fault(INVALID_FIELD)."""
    calls = _Calls()
    spoken: list[Turn] = []
    for content in contents.items() if contents.is_array() else (contents,):
        if content.is_text():
            spoken.append(Turn("user", (Text(content.text()),)))
            continue
        role = content.string("role") or "user"
        if role not in ("user", "model", "function", "system"):
            raise content.need("role").wrong("user or model")
        parts = tuple(_parts(content, calls))
        spoken.append(Turn("assistant" if role == "model" else "system" if role == "system" else "user", parts))
    return turns.merged(spoken)


def read_parts(content: Field) -> Iterator[Part]:
    """The parts of a content without calls (the system's)."""
    if content.is_text():
        yield Text(content.text())
    else:
        yield from _parts(content, _Calls())


def _parts(content: Field, calls: _Calls) -> Iterator[Part]:
    found = content.get("parts")
    if found is None:
        return
    for part in found.items() if found.is_array() else (found,):
        if part.is_text():
            yield Text(part.text())
        else:
            yield from _part(part, calls)


def _part(part: Field, calls: _Calls) -> Iterator[Part]:
    signature = part.string("thoughtSignature", "thought_signature")
    proof = Proof(NAME, signature) if signature and signature != SKIP else None
    if (call := part.get("functionCall", "function_call")) is not None:
        name, given = call.need("name").text(), call.get("args")
        said = bytes(json.encode(given.object())).decode() if given is not None else "{}"
        yield ToolCall(calls.call(call.string("id"), name), name, said, proof=proof)
    elif (response := part.get("functionResponse", "function_response")) is not None:
        yield _result(response, calls)
    elif (data := part.get("inlineData", "inline_data")) is not None:
        yield _inline(data)
    elif (file := part.get("fileData", "file_data")) is not None:
        mime = file.string("mimeType", "mime_type")
        yield Media(media.kind_of(mime), mime=mime, url=file.need("fileUri", "file_uri").text())
    elif (text := part.get("text")) is not None:
        thought = part.get("thought")
        if thought is not None and thought.flag():
            yield Thinking(text.text(), proof)
        elif text.text() or proof is not None:
            yield Text(text.text(), proof=proof)
    else:
        yield from _rare(part)


def _rare(part: Field) -> Iterator[Part]:
    for name in part.object():
        if name in _CODE:
            yield Native(NAME, _CODE[name], part.raw())
            return
    if not set(part.object()) <= {"thoughtSignature", "thought_signature", "thought"}:
        raise part.unsayable("A part of this kind cannot be said to this upstream")


def _inline(data: Field) -> Media:
    mime = data.string("mimeType", "mime_type")
    try:
        return media.from_data(data.need("data").text(), media.kind_of(mime), mime=mime, name=data.string("displayName"))
    except media.BadDataError as error:
        raise data.unsayable(f"The data cannot be read ({error})") from None


def _result(response: Field, calls: _Calls) -> ToolResult:
    name, given = response.need("name").text(), response.get("response")
    said: list[Text | Media] = []
    failed = False
    if given is not None:
        fields = given.object()
        failed = set(fields) == {"error"}
        only = next(iter(fields.values())) if set(fields) <= {"output", "result", "error"} and len(fields) == 1 else None
        said.append(Text(only if isinstance(only, str) else json.encode(fields if only is None else only).decode()))
    inner = response.get("parts")
    listed = (part.get("inlineData", "inline_data") for part in inner.items()) if inner is not None else ()
    said.extend(_inline(data) for data in listed if data is not None)
    return ToolResult(calls.answer(response.string("id"), name), name, tuple(said), failed)

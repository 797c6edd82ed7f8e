"""The input items of a Responses request as turns."""

from collections.abc import Iterator

from entrepot.core.ask import Media, Native, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_responses.proofs import NAME, unwrap
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.fields import Field
from entrepot.kit import json

_SYSTEM = ("system", "developer")


def read_input(given: Field) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """What the system says first, and the turns. Raises Fault(INVALID_FIELD)."""
    if given.is_text():
        return (), turns.merged([Turn("user", (Text(given.text()),) if given.text() else ())])
    system: list[Text] = []
    spoken: list[Turn] = []
    for item in given.items():
        turn = _turn(item)
        if turn.role == "system" and not spoken:
            system.extend(part for part in turn.parts if isinstance(part, Text))
        else:
            spoken.append(turn)
    return tuple(system), turns.merged(spoken)


def _turn(item: Field) -> Turn:
    kind = item.string("type") or "message"
    match kind:
        case "message":
            return _message(item)
        case "function_call":
            return Turn("assistant", (ToolCall(item.need("call_id").text(), item.need("name").text(), _arguments(item)),))
        case "custom_tool_call":
            call = ToolCall(item.need("call_id").text(), item.need("name").text(), item.string("input"), custom=True)
            return Turn("assistant", (call,))
        case "function_call_output" | "custom_tool_call_output":
            return Turn("user", (_result(item, custom=kind.startswith("custom")),))
        case "reasoning":
            return Turn("assistant", (_reasoning(item),))
        case "item_reference":
            message = "Items are not kept here: send the item itself in place of a reference."
            raise Fault(Kind.FOREIGN_OBJECT, message, param=item.path)
        case _:
            role = "user" if kind.endswith("_output") else "assistant"
            return Turn(role, (Native(NAME, kind, item.raw()),))


def _message(item: Field) -> Turn:
    role = item.need("role").text()
    if role not in (*_SYSTEM, "user", "assistant"):
        raise item.need("role").wrong("user, assistant, system or developer")
    parts = tuple(_parts(item.get("content")))
    return Turn("system" if role in _SYSTEM else role, parts)  # pyright: ignore[reportArgumentType]


def _parts(content: Field | None) -> Iterator[Part]:
    if content is None:
        return
    if content.is_text():
        if text := content.text():
            yield Text(text)
        return
    for part in content.items():
        found = _part(part)
        if not isinstance(found, Text) or found.text:
            yield found


def _part(part: Field) -> Text | Media | Refusal:
    kind = part.need("type").text()
    if kind in ("input_text", "output_text", "text", "summary_text"):
        return Text(part.need("text").text())
    if kind == "refusal":
        return Refusal(part.need("refusal").text())
    if part.get("file_id") is not None:
        raise Fault(Kind.FOREIGN_OBJECT, "Files are not kept here: send the data in place of an id.", param=part.path)
    try:
        return _media(part, kind)
    except media.BadDataError as error:
        raise part.unsayable(f"The data cannot be read ({error})") from None


def _media(part: Field, kind: str) -> Media:
    """Raises media.BadDataError."""
    if kind == "input_image":
        address = part.need("image_url")
        url = address.text() if address.is_text() else address.need("url").text()
        return media.from_url(url, "image", detail=part.string("detail"))
    if kind == "input_file":
        name = part.string("filename")
        given = part.string("file_url") or part.need("file_data").text()
        if given.startswith(("data:", "https:", "http:")):
            return media.from_url(given, "document", name=name)
        return media.from_data(given, "document", name=name)
    if kind == "input_audio":
        audio = part.get("input_audio") or part
        return media.from_data(audio.need("data").text(), "audio", mime=f"audio/{audio.string('format') or 'wav'}")
    raise part.unsayable(f"The content part '{kind}' cannot be said to this upstream")


def _arguments(item: Field) -> str:
    given = item.get("arguments")
    text = (given.text().strip() if given is not None else "") or "{}"
    try:
        value = json.decode(text)
    except json.JsonError:
        value = None
    if not isinstance(value, dict):
        raise (given or item).unsayable("The arguments of the call are not a JSON object")
    return text


def _result(item: Field, *, custom: bool) -> ToolResult:
    said: list[Text | Media] = []
    for part in _parts(item.get("output")):
        if not isinstance(part, Text | Media):
            raise item.unsayable("A tool's result can only hold text and media")
        said.append(part)
    return ToolResult(item.need("call_id").text(), content=tuple(said), custom=custom)


def _reasoning(item: Field) -> Thinking:
    texts: list[str] = []
    for name in ("summary", "content"):
        listed = item.get(name)
        texts.extend(part.string("text") for part in (listed.items() if listed is not None else ()))
    hidden = item.string("encrypted_content")
    return Thinking("\n\n".join(text for text in texts if text), unwrap(hidden) if hidden else None)

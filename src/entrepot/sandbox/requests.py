"""Request bodies, typed as far as the sandbox reads them; unknown fields are let pass."""

import re
from typing import Any, Literal, NoReturn, TypeVar

import msgspec

from entrepot.sandbox.answers import refusal

T = TypeVar("T")


class ImageUrl(msgspec.Struct):
    """A picture by address or as a data URL."""

    url: str


class InputAudio(msgspec.Struct):
    """Sound, base64."""

    data: str
    format: str = "wav"


class File(msgspec.Struct):
    """A document, inline or by id."""

    filename: str | None = None
    file_id: str | None = None


class Part(msgspec.Struct):
    """One part of a message's content."""

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None
    input_audio: InputAudio | None = None
    file: File | None = None
    refusal: str | None = None


class Function(msgspec.Struct):
    """A function's declaration."""

    name: str
    parameters: dict[str, Any] | None = None


class Custom(msgspec.Struct):
    """A custom tool's declaration: it takes free text."""

    name: str


class Tool(msgspec.Struct):
    """One of `tools`."""

    type: str = "function"
    function: Function | None = None
    custom: Custom | None = None

    @property
    def name(self) -> str:
        """What the model calls it by."""
        declared = self.function or self.custom
        return declared.name if declared else ""


class Named(msgspec.Struct):
    """The part of a past call that names what was called."""

    name: str = ""
    arguments: str = ""


class Allowed(msgspec.Struct):
    """The tools that a choice is limited to."""

    tools: list[Tool]


class ToolChoice(msgspec.Struct):
    """One tool, or a list to choose from; legacy `function_call` has the bare name."""

    type: str = "function"
    name: str | None = None
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: Allowed | None = None

    @property
    def forced(self) -> str:
        """The name of the one tool that must be called."""
        named = self.function or self.custom
        return named.name if named else self.name or ""


class PastCall(msgspec.Struct):
    """A tool call in the history."""

    id: str = ""
    function: Named | None = None
    custom: Named | None = None


class Message(msgspec.Struct):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[PastCall] | None = None
    tool_call_id: str | None = None


class JsonSchema(msgspec.Struct):
    """The wanted shape of the answer."""

    name: str
    schema: dict[str, Any] | None = None


class ResponseFormat(msgspec.Struct):
    """Text, any JSON object, or JSON of a given schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct):
    """Extras of a stream."""

    include_usage: bool | None = None


class AudioOptions(msgspec.Struct):
    """How the sound shall be packed."""

    format: str = "wav"
    voice: Any = None


class ChatRequest(msgspec.Struct):
    """POST /v1/chat/completions."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[Function] | None = None
    function_call: str | ToolChoice | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    modalities: list[str] | None = None
    audio: AudioOptions | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None

    @property
    def cap(self) -> int | None:
        """Most tokens that the answer may have."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> list[str]:
        """Stop sequences, always as a list."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Shall a stream end with its usage?"""
        return bool(self.stream_options and self.stream_options.include_usage)


class CompletionRequest(msgspec.Struct):
    """POST /v1/completions."""

    model: str
    prompt: str | list[str | int | list[int]] = "<|endoftext|>"
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = None
    stop: str | list[str] | None = None
    echo: bool | None = None
    suffix: str | None = None

    @property
    def stops(self) -> list[str]:
        """Stop sequences, always as a list."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def wants_usage(self) -> bool:
        """Shall a stream end with its usage?"""
        return bool(self.stream_options and self.stream_options.include_usage)


class EmbeddingRequest(msgspec.Struct):
    """POST /v1/embeddings."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None


class ModerationRequest(msgspec.Struct):
    """POST /v1/moderations."""

    input: str | list[str | Part]
    model: str | None = None


_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(.+?)`")


def decode(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """A typed body. Raises Refusal (400) in OpenAI's words."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _refuse(str(error))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise refusal(400, "The body of your request is not valid JSON.") from None


def _refuse(problem: str) -> NoReturn:
    """Turn a validation message into a 400 that names the parameter."""
    at = _AT.search(problem)
    path = at[1] if at else ""
    what = problem[: at.start()] if at else problem
    if missing := _MISSING.search(what):
        param = f"{path}.{missing[1]}" if path else missing[1]
        raise refusal(400, f"Missing required parameter: '{param}'.", param, "missing_required_parameter")
    if what.startswith("Invalid enum value"):
        raise refusal(400, f"Invalid value for '{path}': {what[18:].strip()}.", path or None, "invalid_value")
    raise refusal(400, f"Invalid type for '{path or 'body'}': {what}.", path or None, "invalid_type")

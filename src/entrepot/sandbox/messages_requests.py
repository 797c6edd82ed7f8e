"""Bodies of Anthropic's dialect, typed as far as the sandbox reads them, and the same conversation in the other's types.

The characters hold one conversation, whatever the dialect: `as_chat` gives it to them.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from entrepot.kit import json
from entrepot.sandbox.requests import (
    ChatRequest,
    File,
    Function,
    ImageUrl,
    JsonSchema,
    Message,
    Named,
    Part,
    PastCall,
    ResponseFormat,
    Tool,
    ToolChoice,
)

_EFFORTS = ((2048, "low"), (12_288, "medium"))
"""Budgets of thinking up to which an effort goes; all above are high."""


class Source(msgspec.Struct):
    """Where a picture or document comes from."""

    type: str
    media_type: str = ""
    data: str = ""
    url: str = ""


class Block(msgspec.Struct):
    """One block of a message's content, of any type."""

    type: str
    text: str | None = None
    source: Source | None = None
    title: str | None = None
    id: str = ""
    name: str = ""
    input: dict[str, Any] = {}
    tool_use_id: str = ""
    content: "str | list[Block] | None" = None


class Turn(msgspec.Struct):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolDeclared(msgspec.Struct):
    """One of `tools`; a server tool has a dated `type` and no schema."""

    name: str = ""
    type: str | None = None
    input_schema: dict[str, Any] | None = None


class Choice(msgspec.Struct):
    """Which tool shall be used."""

    type: Literal["auto", "any", "tool", "none"]
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct):
    """Whether, and how much."""

    type: Literal["enabled", "adaptive", "disabled"]
    budget_tokens: int = 0


class OutputFormat(msgspec.Struct):
    """The wanted shape of the answer."""

    type: str
    schema: dict[str, Any] | None = None


class OutputConfig(msgspec.Struct):
    """How hard to try, and in which shape."""

    effort: str | None = None
    format: OutputFormat | None = None


class CountRequest(msgspec.Struct, kw_only=True):
    """POST /v1/messages/count_tokens."""

    model: str
    messages: list[Turn]
    system: str | list[Block] | None = None
    tools: list[ToolDeclared] | None = None
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None

    @property
    def thinks(self) -> bool:
        """Shall thinking be shown?"""
        return self.thinking is not None and self.thinking.type != "disabled"


class MessagesRequest(CountRequest, kw_only=True):
    """POST /v1/messages."""

    max_tokens: int
    stream: bool | None = None
    stop_sequences: list[str] | None = None


def as_chat(request: CountRequest) -> ChatRequest:
    """The conversation as the characters know it."""
    chat = ChatRequest(model=request.model, messages=[*_system(request.system), *_messages(request.messages)])
    chat.tools = [_tool(tool) for tool in request.tools or () if tool.name] or None
    chat.tool_choice = _choice(request.tool_choice)
    chat.parallel_tool_calls = not (request.tool_choice and request.tool_choice.disable_parallel_tool_use)
    config = request.output_config or OutputConfig()
    chat.reasoning_effort = _effort(request.thinking, config.effort)
    if config.format is not None and config.format.type == "json_schema":
        chat.response_format = ResponseFormat("json_schema", JsonSchema("output", config.format.schema))
    if isinstance(request, MessagesRequest):
        chat.stream, chat.max_tokens, chat.stop = request.stream, request.max_tokens, request.stop_sequences
    return chat


def _system(system: str | list[Block] | None) -> Iterator[Message]:
    if system:
        yield Message("system", system if isinstance(system, str) else [_part(block) for block in system])


def _messages(turns: list[Turn]) -> Iterator[Message]:
    """A turn of the user that has results of tools is one message for each, and one for the rest."""
    for turn in turns:
        if isinstance(turn.content, str):
            yield Message(turn.role, turn.content)
            continue
        for block in turn.content:
            if block.type == "tool_result":
                yield Message("tool", _content(block.content), tool_call_id=block.tool_use_id)
        calls = [PastCall(block.id, Named(block.name, json.encode(block.input).decode())) for block in _of(turn, "tool_use")]
        rest = [_part(block) for block in turn.content if block.type not in _APART]
        if rest or calls or turn.role == "assistant":
            yield Message(turn.role, rest, tool_calls=calls or None)


_APART = frozenset(("tool_result", "tool_use", "thinking", "redacted_thinking"))


def _of(turn: Turn, kind: str) -> Iterator[Block]:
    return (block for block in turn.content if isinstance(block, Block) and block.type == kind)


def _content(content: str | list[Block] | None) -> str | list[Part] | None:
    return [_part(block) for block in content] if isinstance(content, list) else content


def _part(block: Block) -> Part:
    source = block.source
    if block.type == "image" and source is not None:
        return Part("image_url", image_url=ImageUrl(source.url or f"data:{source.media_type};base64,{source.data}"))
    if block.type == "document" and source is not None:
        return Part("file", file=File(block.title or source.media_type))
    return Part(block.type, text=block.text)


def _tool(tool: ToolDeclared) -> Tool:
    return Tool(function=Function(tool.name, tool.input_schema))


def _choice(choice: Choice | None) -> str | ToolChoice | None:
    if choice is None:
        return None
    return ToolChoice(name=choice.name) if choice.type == "tool" else choice.type


def _effort(thinking: Thinking | None, effort: str | None) -> str | None:
    """The effort that was asked for, or the one that a budget is worth."""
    if effort is not None or thinking is None or thinking.type != "enabled":
        return effort
    return next((name for most, name in _EFFORTS if thinking.budget_tokens <= most), "high")

"""An Ask as a chat completions request."""

from collections.abc import Iterator
from typing import Any

from entrepot.core.ask import (
    Ask,
    Choice,
    Format,
    Media,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from entrepot.core.conversion import Target, Written
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_chat_conversion import proofs
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.body import Body
from entrepot.dialects.shared.openai_models import REASONERS, effort_of, nearest_effort
from entrepot.kit import json, patterns

_SOUNDS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
_NAME = "openai_chat"


class _Body(Body):
    """One request under way."""

    __slots__ = ("thinks",)

    def __init__(self, ask: Ask, target: Target) -> None:
        super().__init__(ask, target)
        self.thinks = next((row for row in REASONERS if patterns.matches_any(row.models, target.model)), None)
        """OpenAI's own reasoning models: what they take and what they refuse."""


def write_body(ask: Ask, target: Target) -> Written:
    """The whole request. Raises Fault(INVALID_FIELD) naming content that cannot be said."""
    body = _Body(ask, target)
    body.put("model", target.model)
    body.fields["messages"] = list(_messages(body))
    _tools(body)
    if any(part.cache for turn in ask.turns for part in turn.parts if isinstance(part, Text | Media | ToolResult | ToolCall)):
        body.dropped["cache_control"] = None  # OpenAI keeps prompts by itself
    if ask.format is not None:
        body.fields["response_format"] = _format(ask.format)
    _reasoning(body)
    _sampling(body)
    _rest(body)
    return Written(json.encode(body.fields), tuple(body.dropped))


def _messages(body: _Body) -> Iterator[dict[str, Any]]:
    system = body.ask.system
    if system:
        yield {"role": "system", "content": "\n\n".join(text.text for text in system)}
    for turn in body.ask.turns:
        if turn.role == "assistant":
            yield _assistant(body, turn)
        elif turn.role == "system":
            yield {"role": "system", "content": turns.text_of(part for part in turn.parts if isinstance(part, Text))}
        else:
            yield from _user(body, turn)


def _user(body: _Body, turn: Turn) -> Iterator[dict[str, Any]]:
    """Results first, each a message of its own; then what the user says, with the pictures that tools gave."""
    spoken: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.call_id, "content": turns.text_of(part.content)}
            spoken.extend(_media(inner) for inner in part.content if isinstance(inner, Media))
            if part.failed:
                body.dropped["tool_result.is_error"] = None
        else:
            spoken.extend(_said(body, part))
    if len(spoken) == 1 and spoken[0]["type"] == "text":
        yield {"role": "user", "content": spoken[0]["text"]}
    elif spoken:
        yield {"role": "user", "content": spoken}


def _said(body: _Body, part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case Text(text=text):
            if text:
                yield {"type": "text", "text": text}
        case Media():
            yield _media(part)
        case Native(kind=kind):
            body.dropped[kind] = None
        case _:
            raise Fault(Kind.INVALID_FIELD, f"A user's message cannot hold a {type(part).__name__}.", param="messages")


def _media(part: Media) -> dict[str, Any]:
    if part.kind == "image":
        image = {"url": media.to_url(part), **({"detail": part.detail} if part.detail else {})}
        return {"type": "image_url", "image_url": image}
    if part.kind == "audio" and part.mime in _SOUNDS:
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": _SOUNDS[part.mime]}}
    if part.kind == "document" and part.mime.startswith("text/"):
        return {"type": "text", "text": media.text_document(part)}
    if part.kind == "document":
        return {"type": "file", "file": {"filename": part.name or "document.pdf", "file_data": media.to_url(part)}}
    message = f"This upstream takes no {part.kind} of type '{part.mime or 'unknown'}'."
    raise Fault(Kind.INVALID_FIELD, message, param="messages", code="unsupported_content")


def _assistant(body: _Body, turn: Turn) -> dict[str, Any]:
    parts = turn.parts
    calls = [_call(part) for part in parts if isinstance(part, ToolCall)]
    refusal = "".join(part.text for part in parts if isinstance(part, Refusal))
    content = turns.text_of(part for part in parts if isinstance(part, Text))
    body.dropped.update((part.kind, None) for part in parts if isinstance(part, Native | Media))
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls or refusal else "")}
    if calls:
        message["tool_calls"] = calls
    if refusal:
        message["refusal"] = refusal
    return {**message, **_thinking(body, [part for part in parts if isinstance(part, Thinking)])}


def _thinking(body: _Body, thoughts: list[Thinking]) -> dict[str, Any]:
    """Reasoning goes back only where the vendor wants it: it is no part of OpenAI's own format."""
    details = [thought.proof.data for thought in thoughts if thought.proof is not None and thought.proof.dialect == _NAME]
    if details:
        return {"reasoning_details": [json.decode(data) for data in details]}
    text = "".join(thought.text for thought in thoughts)
    return {body.target.thinking_field: text} if body.target.thinking_field and text else {}


def _call(call: ToolCall) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **proofs.call_extra(call.proof)}


def _tools(body: _Body) -> None:
    ask, plain = body.ask, body.target.plain
    allowed = ask.choice.names if ask.choice is not None and plain and len(ask.choice.names) > 1 else ()
    tools = [_tool(tool) for tool in ask.tools if not allowed or tool.name in allowed]
    if tools:
        body.fields["tools"] = tools
        if ask.choice is not None:
            body.put("tool_choice", _choice(ask.choice, plain=plain))
            body.put("parallel_tool_calls", ask.choice.parallel)
    for tool in ask.server_tools:
        if tool.native.dialect == _NAME and tool.native.kind == "web_search_options" and not plain:
            body.fields["web_search_options"] = tool.native.raw
        elif tool.kind == "web_search" and not plain and "search" in body.target.model:
            body.fields["web_search_options"] = {}
        else:
            body.dropped[tool.native.kind] = None


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.custom:
        custom = {"name": tool.name, "description": tool.description, "format": tool.schema}
        return {"type": "custom", "custom": {name: value for name, value in custom.items() if value}}
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: Choice, *, plain: bool) -> Any:
    if choice.mode == "required" and len(choice.names) == 1:
        return {"type": "function", "function": {"name": choice.names[0]}}
    if choice.names and not plain:
        tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    return choice.mode


def _format(form: Format) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    spec: dict[str, Any] = {"name": form.name, "schema": form.schema}
    if form.description:
        spec["description"] = form.description
    if form.strict is not None:
        spec["strict"] = form.strict
    return {"type": "json_schema", "json_schema": spec}


def _reasoning(body: _Body) -> None:
    reasoning = body.ask.reasoning
    if reasoning is None:
        return
    if body.thinks is None:
        if reasoning != Reasoning(show=reasoning.show):
            body.dropped["reasoning"] = None
        return
    wanted = reasoning.effort or effort_of(reasoning.budget)
    if wanted is not None:
        body.fields["reasoning_effort"] = nearest_effort(wanted, body.thinks.efforts)


def _sampling(body: _Body) -> None:
    knobs, thinks = body.ask.sampling, body.thinks is not None
    body.put("temperature", knobs.temperature, refused=thinks)
    body.put("top_p", knobs.top_p, refused=thinks)
    body.put("top_k", knobs.top_k, refused=True)
    body.put("seed", knobs.seed)
    body.put("stop", list(knobs.stop) or None, refused=thinks)
    body.put("presence_penalty", knobs.presence_penalty, refused=thinks)
    body.put("frequency_penalty", knobs.frequency_penalty, refused=thinks)
    body.put("logit_bias", knobs.logit_bias, refused=thinks)
    body.put("logprobs", knobs.logprobs or None, refused=thinks)
    body.put("top_logprobs", knobs.top_logprobs, refused=thinks)


def _rest(body: _Body) -> None:
    ask, plain = body.ask, body.target.plain
    cap = ask.max_output if body.target.max_output is None else body.target.max_output
    body.put("max_completion_tokens" if body.thinks is not None else "max_tokens", cap)
    body.put("n", ask.choices if ask.choices > 1 else None)
    if ask.stream:
        body.fields["stream"] = True
        if body.target.ask_usage:
            body.fields["stream_options"] = {"include_usage": True}
    if set(ask.modalities) - {"text"}:
        body.put("modalities", list(ask.modalities), refused=plain)
    body.put("verbosity", ask.verbosity, refused=plain or body.thinks is None)
    body.put("user", ask.user, refused=plain)
    body.put("prompt_cache_key", ask.cache_key, refused=plain)
    body.put("service_tier", ask.service_tier, refused=True)
    body.put("metadata", ask.metadata, refused=True)

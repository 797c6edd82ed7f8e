"""An Ask as a Responses request. Nothing is stored at the vendor: reasoning comes back encrypted."""

from collections.abc import Iterator, Sequence
from typing import Any

from entrepot.core.ask import (
    Ask,
    Choice,
    Format,
    Media,
    Native,
    Part,
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
from entrepot.dialects.openai_responses.proofs import NAME
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.body import Body
from entrepot.dialects.shared.openai_models import REASONERS, effort_of, nearest_effort
from entrepot.kit import json, patterns

_LEAST_OUTPUT = 16
_SERVER_TOOLS = {"web_search": "web_search"}


def write_body(ask: Ask, target: Target) -> Written:
    """The whole request. Raises Fault(INVALID_FIELD) naming content that cannot be said."""
    if ask.choices > 1:
        raise Fault(Kind.INVALID_FIELD, "This upstream gives one answer a call ('n' is 1).", param="n")
    body = Body(ask, target)
    body.put("model", target.model)
    body.put("instructions", "\n\n".join(text.text for text in ask.system))
    body.fields["input"] = [item for turn in ask.turns for item in _items(body, turn)] or ""
    body.fields["store"] = False
    _tools(body)
    _text(body)
    _reasoning(body)
    _sampling(body)
    cap = ask.max_output if target.max_output is None else target.max_output
    body.put("max_output_tokens", max(cap, _LEAST_OUTPUT) if cap is not None else None)
    if ask.stream:
        body.fields["stream"] = True
    body.put("user", ask.user)
    body.put("prompt_cache_key", ask.cache_key)
    for name in ("service_tier", "metadata"):
        body.put(name, getattr(ask, name), refused=True)
    return Written(json.encode(body.fields), tuple(body.dropped), body.renamed)


def _items(body: Body, turn: Turn) -> Iterator[dict[str, Any]]:
    if turn.role == "assistant":
        yield from _assistant(body, turn.parts)
    elif turn.role == "system":
        said = turns.text_of(part for part in turn.parts if isinstance(part, Text))
        yield {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": said}]}
    else:
        yield from _user(body, turn.parts)


def _assistant(body: Body, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    held: dict[str, Any] | None = None
    """Reasoning waits for the item that follows it: alone it is refused."""
    for part in parts:
        item = _said(body, part)
        if item is None:
            continue
        if item["type"] == "reasoning":
            held = item
            continue
        if held is not None:
            yield held
            held = None
        yield item


def _said(body: Body, part: Part) -> dict[str, Any] | None:
    match part:
        case Text(text=text):
            if not text:
                return None
            return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        case Refusal(text=text):
            return {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": text}]}
        case ToolCall(custom=True):
            return {"type": "custom_tool_call", "call_id": part.id, "name": part.name, "input": part.arguments}
        case ToolCall():
            made = {"call_id": part.id, "name": body.name(part.name), "arguments": part.arguments}
            return {"type": "function_call", **made}
        case Thinking():
            return _reasoned(part)
        case Native(dialect=dialect, raw=raw) if dialect == NAME:
            return json.decode(bytes(raw))
        case _:
            body.dropped[getattr(part, "kind", type(part).__name__)] = None
            return None


def _reasoned(part: Thinking) -> dict[str, Any] | None:
    """Only with OpenAI's own proof: another's cannot be read there."""
    if part.proof is None or part.proof.dialect != NAME:
        return None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": part.proof.data}


def _user(body: Body, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    spoken: list[dict[str, Any]] = []
    for part in parts:
        match part:
            case ToolResult():
                kind = "custom_tool_call_output" if part.custom else "function_call_output"
                yield {"type": kind, "call_id": part.call_id, "output": _output(part)}
                if part.failed:
                    body.dropped["tool_result.is_error"] = None
            case Text(text=text):
                if text:
                    spoken.append({"type": "input_text", "text": text})
            case Media():
                spoken.append(_media(part))
            case Native(dialect=dialect, raw=raw, kind=kind):
                if dialect == NAME:
                    yield json.decode(bytes(raw))
                else:
                    body.dropped[kind] = None
            case _:
                raise Fault(Kind.INVALID_FIELD, f"A user's turn cannot hold a {type(part).__name__}.", param="input")
    if spoken:
        yield {"type": "message", "role": "user", "content": spoken}


def _output(result: ToolResult) -> Any:
    if all(isinstance(part, Text) for part in result.content):
        return turns.text_of(result.content)
    return [{"type": "input_text", "text": part.text} if isinstance(part, Text) else _media(part) for part in result.content]


def _media(part: Media) -> dict[str, Any]:
    if part.kind == "image":
        return {"type": "input_image", "image_url": media.to_url(part), "detail": part.detail or "auto"}
    if part.kind == "document" and part.url:
        return {"type": "input_file", "file_url": part.url}
    if part.kind == "document" and part.mime.startswith("text/"):
        return {"type": "input_text", "text": media.text_document(part)}
    if part.kind == "document":
        return {"type": "input_file", "filename": part.name or "document.pdf", "file_data": media.to_url(part)}
    message = f"This upstream takes no {part.kind} of type '{part.mime or 'unknown'}'."
    raise Fault(Kind.INVALID_FIELD, message, param="input", code="unsupported_content")


def _tools(body: Body) -> None:
    tools: list[Any] = [_tool(body, tool) for tool in body.ask.tools]
    for tool in body.ask.server_tools:
        if tool.native.dialect == NAME:
            tools.append(tool.native.raw)
        elif tool.kind in _SERVER_TOOLS:
            tools.append({"type": _SERVER_TOOLS[tool.kind]})
        else:
            body.dropped[tool.native.kind] = None
    if not tools:
        return
    body.fields["tools"] = tools
    if body.ask.choice is not None:
        body.fields["tool_choice"] = _choice(body, body.ask.choice)
        body.put("parallel_tool_calls", body.ask.choice.parallel)


def _tool(body: Body, tool: Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "custom" if tool.custom else "function", "name": body.name(tool.name)}
    if tool.description:
        made["description"] = tool.description
    if tool.custom:
        return {**made, **({"format": tool.schema} if tool.schema is not None else {})}
    made["parameters"] = tool.schema if tool.schema is not None else {"type": "object", "properties": {}}
    # Unlike chat completions, Responses are strict unless told otherwise.
    return {**made, "strict": bool(tool.strict)}


def _choice(body: Body, choice: Choice) -> Any:
    named = [{"type": "function", "name": body.name(name)} for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": named} if named else choice.mode


def _text(body: Body) -> None:
    text: dict[str, Any] = {}
    if body.ask.format is not None:
        text["format"] = _format(body.ask.format)
    if body.ask.verbosity:
        text["verbosity"] = body.ask.verbosity
    if text:
        body.fields["text"] = text


def _format(form: Format) -> dict[str, Any]:
    if form.schema is None:
        return {"type": "json_object"}
    made: dict[str, Any] = {"type": "json_schema", "name": form.name, "schema": form.schema}
    if form.description:
        made["description"] = form.description
    return {**made, "strict": bool(form.strict)}


def _reasoning(body: Body) -> None:
    family = next((row for row in REASONERS if patterns.matches_any(row.models, body.target.model)), None)
    reasoning = body.ask.reasoning
    if family is None:
        if reasoning is not None and (reasoning.effort or reasoning.budget):
            body.dropped["reasoning"] = None
        return
    body.fields["include"] = ["reasoning.encrypted_content"]
    if reasoning is None:
        return
    wanted = reasoning.effort or effort_of(reasoning.budget)
    asked: dict[str, Any] = {"effort": nearest_effort(wanted, family.efforts)} if wanted is not None else {}
    if reasoning.show is not False and wanted != "none":
        asked["summary"] = "auto"
    body.put("reasoning", asked or None)


def _sampling(body: Body) -> None:
    knobs, thinks = body.ask.sampling, "include" in body.fields
    body.put("temperature", knobs.temperature, refused=thinks)
    body.put("top_p", knobs.top_p, refused=thinks)
    if knobs.logprobs and not thinks:
        body.fields["include"] = ["message.output_text.logprobs"]
        body.put("top_logprobs", knobs.top_logprobs)
    else:
        body.put("logprobs", knobs.logprobs or None, refused=True)
    for name in ("top_k", "seed", "stop", "presence_penalty", "frequency_penalty", "logit_bias"):
        body.put(name, getattr(knobs, name), refused=True)
    body.put("modalities", body.ask.modalities if set(body.ask.modalities) - {"text"} else None, refused=True)

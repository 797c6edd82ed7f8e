"""An Ask as a Messages request."""

from typing import Any

from entrepot.core.ask import Ask, Format, ServerTool, Text, Tool
from entrepot.core.conversion import Target, Written
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.blocks import NAME
from entrepot.dialects.anthropic.messages_body import mark, write_messages
from entrepot.dialects.anthropic.models import Family, family_of
from entrepot.dialects.anthropic.thinking import Thought, decide
from entrepot.dialects.shared.body import Body, safe_name
from entrepot.dialects.shared.schemas import FREE_TEXT, closed, free_text_description
from entrepot.kit import json

_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
_EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
_AS_JSON = "Answer with one JSON object and nothing else: no prose around it, no code fence."


def write_body(ask: Ask, target: Target) -> Written:
    """The whole request. Raises Fault(INVALID_FIELD) naming content that cannot be said."""
    if ask.choices > 1:
        raise Fault(Kind.INVALID_FIELD, "This upstream gives one answer a call ('n' is 1).", param="n")
    family = family_of(target.model)
    body = Body(ask, target)
    body.put("model", target.model)
    body.fields["messages"] = write_messages(body)
    answer_tool = _format(body, family)
    forced = bool(answer_tool) or (ask.choice is not None and ask.choice.mode == "required" and bool(ask.tools))
    thought = decide(body, family, forced=forced)
    body.fields["max_tokens"] = thought.cap
    _system(body, plain_json=ask.format is not None and not answer_tool and "output_config" not in body.fields)
    _tools(body, answer_tool)
    _thinking(body, thought)
    _sampling(body, family, thinks=thought.budget is not None or thought.adaptive)
    if ask.stream:
        body.fields["stream"] = True
    if ask.user:
        body.fields["metadata"] = {"user_id": ask.user}
    _lacking(body)
    custom = frozenset(tool.name for tool in ask.tools if tool.custom)
    return Written(json.encode(body.fields), tuple(body.dropped), body.renamed, answer_tool, custom)


def _system(body: Body, *, plain_json: bool) -> None:
    said = [text for text in body.ask.system if text.text.strip()]
    if plain_json:
        said.append(Text(_AS_JSON))
    if any(text.cache for text in said):
        body.fields["system"] = [{"type": "text", "text": text.text, **mark(text.cache)} for text in said]
    else:
        body.put("system", "\n\n".join(text.text for text in said))


def _format(body: Body, family: Family) -> str:
    """Native where the model knows it; else the name of a tool that is forced, if no other tool is there to be called."""
    form, ask = body.ask.format, body.ask
    if form is None or form.schema is None:
        return ""
    if family.formats:
        body.fields["output_config"] = {"format": {"type": "json_schema", "schema": closed(form.schema)}}
        return ""
    return "" if ask.tools else safe_name(form.name)


def _tools(body: Body, answer_tool: str) -> None:
    ask = body.ask
    tools = [_tool(body, tool) for tool in ask.tools]
    tools.extend(found for tool in ask.server_tools if (found := _server_tool(body, tool)) is not None)
    if answer_tool and ask.format is not None:
        tools.append(_answer(answer_tool, ask.format))
    if not tools:
        return
    body.fields["tools"] = tools
    if answer_tool:
        body.fields["tool_choice"] = {"type": "tool", "name": answer_tool}
    elif (choice := _choice(body)) is not None:
        body.fields["tool_choice"] = choice


def _answer(name: str, form: Format) -> dict[str, Any]:
    said = form.description or "Give the answer by calling this tool."
    return {"name": name, "description": said, "input_schema": form.schema}


def _tool(body: Body, tool: Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": body.name(tool.name)}
    description = free_text_description(tool) if tool.custom else tool.description
    if description:
        made["description"] = description
    if tool.custom:
        made["input_schema"] = FREE_TEXT
    else:
        schema: dict[str, Any] = json.decode(bytes(tool.schema)) if tool.schema is not None else {}
        made["input_schema"] = {**_EMPTY_SCHEMA, **schema, "type": "object"}
    return {**made, **mark(tool.cache)}


def _server_tool(body: Body, tool: ServerTool) -> Any:
    if tool.native.dialect == NAME:
        return tool.native.raw
    if tool.kind == "web_search":
        return _SEARCH
    body.dropped[tool.native.kind] = None
    return None


def _choice(body: Body) -> dict[str, Any] | None:
    choice = body.ask.choice
    if choice is None:
        return None
    if choice.mode == "required" and len(choice.names) == 1:
        made: dict[str, Any] = {"type": "tool", "name": body.name(choice.names[0])}
    else:
        made = {"type": "any" if choice.mode == "required" else choice.mode}
        if choice.names:
            body.dropped["tool_choice.allowed_tools"] = None
    if choice.parallel is False and choice.mode != "none":
        made["disable_parallel_tool_use"] = True
    return made


def _thinking(body: Body, thought: Thought) -> None:
    if thought.adaptive:
        body.fields["thinking"] = {"type": "adaptive"}
    elif thought.budget is not None:
        body.fields["thinking"] = {"type": "enabled", "budget_tokens": thought.budget}
    elif thought.off:
        body.fields["thinking"] = {"type": "disabled"}
    if thought.effort is not None:
        body.fields["output_config"] = {**body.fields.get("output_config", {}), "effort": thought.effort}


def _sampling(body: Body, family: Family, *, thinks: bool) -> None:
    knobs, refused = body.ask.sampling, thinks or not family.samples
    warm = knobs.temperature
    body.put("temperature", min(warm, 1.0) if warm is not None else None, refused=refused)
    body.put("top_p", knobs.top_p, refused=refused or warm is not None)
    body.put("top_k", knobs.top_k, refused=refused)
    body.put("stop_sequences", [stop for stop in knobs.stop if stop.strip()] or None)
    if any(not stop.strip() for stop in knobs.stop):
        body.dropped["stop"] = None


def _lacking(body: Body) -> None:
    """What Messages has no field for."""
    ask, knobs = body.ask, body.ask.sampling
    for name in ("seed", "presence_penalty", "frequency_penalty", "logit_bias", "top_logprobs"):
        body.put(name, getattr(knobs, name), refused=True)
    body.put("logprobs", knobs.logprobs or None, refused=True)
    body.put("modalities", ask.modalities if set(ask.modalities) - {"text"} else None, refused=True)
    for name in ("verbosity", "service_tier", "metadata"):
        body.put(name, getattr(ask, name), refused=True)

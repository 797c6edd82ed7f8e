"""An Ask as a generateContent request."""

from typing import Any

from entrepot.core.ask import Ask, Reasoning, Text, Tool
from entrepot.core.conversion import Target, Written
from entrepot.dialects.gemini.contents import NAME
from entrepot.dialects.gemini.contents_body import write_contents
from entrepot.dialects.gemini.models import BUDGETS, Family, family_of, level_of
from entrepot.dialects.shared.body import Body
from entrepot.dialects.shared.schemas import FREE_TEXT, free_text_description
from entrepot.kit import json

_SERVER_TOOLS = {"web_search": "googleSearch", "web_fetch": "urlContext", "code": "codeExecution"}
_AS_JSON = "Answer with one JSON value and nothing else: no prose around it, no code fence."
_MOST_STOPS = 5


def write_body(ask: Ask, target: Target) -> Written:
    """The whole request; the model and the kind of call stand in its path. Raises Fault(INVALID_FIELD)."""
    family = family_of(target.model)
    body = Body(ask, target)
    body.fields["contents"] = write_contents(body, signed=family.signed)
    config: dict[str, Any] = {}
    told = _format(body, config, family)
    system = [text.text for text in ask.system if text.text]
    if told or system:
        body.fields["systemInstruction"] = {"parts": [{"text": text} for text in (*system, *told)]}
    _tools(body, family)
    _sampling(body, config)
    _thinking(body, config, family)
    if config:
        body.fields["generationConfig"] = config
    _lacking(body)
    custom = frozenset(tool.name for tool in ask.tools if tool.custom)
    return Written(json.encode(body.fields), tuple(body.dropped), body.renamed, "", custom)


def _format(body: Body, config: dict[str, Any], family: Family) -> list[str]:
    """Native, or, where functions forbid it, an instruction."""
    form = body.ask.format
    if form is None:
        return []
    if body.ask.tools and not family.mixes:
        schema = "" if form.schema is None else f" It follows this JSON Schema: {bytes(form.schema).decode()}"
        return [_AS_JSON + schema]
    config["responseMimeType"] = "application/json"
    if form.schema is not None:
        config["responseJsonSchema"] = form.schema
    return []


def _tools(body: Body, family: Family) -> None:
    ask = body.ask
    tools: list[Any] = []
    if ask.tools:
        tools.append({"functionDeclarations": [_declared(body, tool) for tool in ask.tools]})
    for tool in ask.server_tools:
        if tool.kind == "other" or (ask.tools and not family.mixes):
            body.dropped[tool.native.kind] = None
        else:
            known = tool.native.dialect == NAME
            tools.append(tool.native.raw if known else {_SERVER_TOOLS[tool.kind]: {}})
    if tools:
        body.fields["tools"] = tools
    choice = ask.choice
    if choice is None or not ask.tools:
        return
    mode = {"auto": "AUTO", "none": "NONE", "required": "ANY"}[choice.mode]
    calling: dict[str, Any] = {"mode": mode}
    if choice.names and mode == "ANY":
        calling["allowedFunctionNames"] = [body.name(name) for name in choice.names]
    elif choice.names:
        body.dropped["tool_choice.allowed_tools"] = None
    body.fields["toolConfig"] = {"functionCallingConfig": calling}
    if choice.parallel is False:
        body.dropped["parallel_tool_calls"] = None


def _declared(body: Body, tool: Tool) -> dict[str, Any]:
    made: dict[str, Any] = {"name": body.name(tool.name)}
    description = free_text_description(tool) if tool.custom else tool.description
    if description:
        made["description"] = description
    if tool.custom:
        made["parametersJsonSchema"] = FREE_TEXT
    elif tool.schema is not None and json.decode(bytes(tool.schema)).get("properties"):
        made["parametersJsonSchema"] = tool.schema
    return made


def _sampling(body: Body, config: dict[str, Any]) -> None:
    ask, knobs = body.ask, body.ask.sampling
    cap = ask.max_output if body.target.max_output is None else body.target.max_output
    given = {
        "temperature": knobs.temperature,
        "topP": knobs.top_p,
        "topK": knobs.top_k,
        "seed": knobs.seed,
        "presencePenalty": knobs.presence_penalty,
        "frequencyPenalty": knobs.frequency_penalty,
        "responseLogprobs": knobs.logprobs or None,
        "logprobs": knobs.top_logprobs,
        "maxOutputTokens": cap,
        "candidateCount": ask.choices if ask.choices > 1 else None,
        "stopSequences": list(knobs.stop[:_MOST_STOPS]) or None,
        "responseModalities": [mode.upper() for mode in ask.modalities] or None,
    }
    config.update((name, value) for name, value in given.items() if value is not None)
    if len(knobs.stop) > _MOST_STOPS:
        body.dropped["stop"] = None


def _thinking(body: Body, config: dict[str, Any], family: Family) -> None:
    reasoning = body.ask.reasoning
    if reasoning is None:
        return
    if not family.thinks:
        if reasoning.effort not in (None, "none") or (reasoning.budget or 0) != 0:
            body.dropped["reasoning"] = None
        return
    wanted = _level(body, reasoning) if family.thinks == "level" else _budget(reasoning, family)
    off = reasoning.effort == "none" or reasoning.budget == 0
    config["thinkingConfig"] = {**wanted, "includeThoughts": not off and reasoning.show is not False}


def _budget(reasoning: Reasoning, family: Family) -> dict[str, Any]:
    budget = reasoning.budget if reasoning.budget is not None else BUDGETS[reasoning.effort] if reasoning.effort else -1
    return {"thinkingBudget": budget if budget < 0 else min(max(budget, family.least), family.most)}


def _level(body: Body, reasoning: Reasoning) -> dict[str, Any]:
    effort = reasoning.effort
    if effort is None and reasoning.budget is not None and reasoning.budget >= 0:
        found = reasoning.budget
        effort = "none" if found == 0 else "low" if found <= BUDGETS["low"] * 2 else "medium" if found <= 12288 else "high"
    return {"thinkingLevel": level_of(body.target.model, effort)} if effort is not None else {}


def _lacking(body: Body) -> None:
    """What generateContent has no field for."""
    ask = body.ask
    body.put("logit_bias", ask.sampling.logit_bias, refused=True)
    for name in ("verbosity", "user", "cache_key", "service_tier", "metadata"):
        body.put(name, getattr(ask, name), refused=True)
    if any(isinstance(part, Text) and part.cache for turn in ask.turns for part in turn.parts):
        body.dropped["cache_control"] = None

"""A generateContent request as an Ask. Every field is known in camelCase and in snake_case, as Google's own API takes them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from entrepot.core.ask import Ask, Choice, Effort, Format, Native, Reasoning, Sampling, ServerTool, Text, Tool
from entrepot.core.call import Peek
from entrepot.dialects.gemini.contents import NAME, read_contents, read_parts
from entrepot.dialects.shared.fields import Field, read_body, unsaid
from entrepot.kit import json
from entrepot.kit.json import Raw

_KNOWN = frozenset(
    (
        "model", "contents", "systemInstruction", "system_instruction", "tools", "toolConfig", "tool_config",
        "generationConfig", "generation_config",
    )
)  # fmt: skip
_TOOLS: Mapping[str, str] = {
    "googleSearch": "web_search",
    "google_search": "web_search",
    "googleSearchRetrieval": "web_search",
    "google_search_retrieval": "web_search",
    "urlContext": "web_fetch",
    "url_context": "web_fetch",
    "codeExecution": "code",
    "code_execution": "code",
}
_DECLARED = ("functionDeclarations", "function_declarations")
_LEVELS: Mapping[str, Effort] = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}


def read_ask(peek: Peek) -> Ask:
    """The whole request. Raises Fault(INVALID_FIELD) with the place."""
    body = read_body(peek.members)
    config = body.get("generationConfig", "generation_config") or Field({}, "generationConfig")
    system = body.get("systemInstruction", "system_instruction")
    modalities = config.get("responseModalities", "response_modalities")
    known, unknown = _config_names(config)
    return Ask(
        model=peek.model,
        system=tuple(part for part in read_parts(system) if isinstance(part, Text)) if system is not None else (),
        turns=read_contents(body.need("contents")),
        tools=tuple(_tools(body)),
        server_tools=tuple(_server_tools(body)),
        choice=_choice(body.get("toolConfig", "tool_config")),
        format=_format(config),
        reasoning=_reasoning(config.get("thinkingConfig", "thinking_config")),
        sampling=_sampling(config),
        max_output=_integer(config, "maxOutputTokens", "max_output_tokens"),
        choices=_integer(config, "candidateCount", "candidate_count") or 1,
        stream=peek.stream,
        modalities=tuple(item.text().lower() for item in modalities.items()) if modalities is not None else (),
        unsaid=(*unsaid(peek, _KNOWN), *unknown) if known else unsaid(peek, _KNOWN),
    )


_CONFIG = frozenset(
    (
        "responseModalities", "thinkingConfig", "maxOutputTokens", "candidateCount", "responseMimeType", "responseSchema",
        "responseJsonSchema", "temperature", "topP", "topK", "stopSequences", "seed", "presencePenalty", "frequencyPenalty",
        "responseLogprobs", "logprobs",
    )
)  # fmt: skip


def _config_names(config: Field) -> tuple[bool, tuple[str, ...]]:
    """Are there any settings, and those that the vocabulary has no word for."""
    names = [name for name, value in config.object().items() if value is not None]
    return bool(names), tuple(f"generationConfig.{name}" for name in names if _camel(name) not in _CONFIG)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def _integer(config: Field, *names: str) -> int | None:
    found = config.get(*names)
    return found.integer() if found is not None else None


def _number(config: Field, *names: str) -> float | None:
    found = config.get(*names)
    return found.number() if found is not None else None


def _each_tool(body: Field) -> Iterator[Field]:
    """`tools` is an array; clients also send a lone object."""
    found = body.get("tools")
    if found is None:
        return
    if found.is_array():
        yield from found.items()
    else:
        yield found


def _tools(body: Field) -> Iterator[Tool]:
    for tool in _each_tool(body):
        declared = tool.get(*_DECLARED)
        for item in declared.items() if declared is not None else ():
            schema, plain = item.get("parametersJsonSchema", "parameters_json_schema"), item.get("parameters")
            found = schema.shape() if schema is not None else lowered(plain.shape()) if plain is not None else None
            yield Tool(item.need("name").text(), item.string("description"), found)


def _server_tools(body: Field) -> Iterator[ServerTool]:
    for tool in _each_tool(body):
        for name, value in tool.object().items():
            if name not in _DECLARED and value is not None:
                native = Native(NAME, name, json.raw({name: value}))
                yield ServerTool(_TOOLS.get(name, "other"), native)  # pyright: ignore[reportArgumentType]


def _choice(given: Field | None) -> Choice | None:
    config = given.get("functionCallingConfig", "function_calling_config") if given is not None else None
    if config is None:
        return None
    mode = config.string("mode").upper()
    names = config.get("allowedFunctionNames", "allowed_function_names")
    allowed = tuple(item.text() for item in names.items()) if names is not None else ()
    return Choice("required" if mode == "ANY" else "none" if mode == "NONE" else "auto", allowed)


def _format(config: Field) -> Format | None:
    if config.string("responseMimeType", "response_mime_type") not in ("application/json", "text/x.enum"):
        return None
    real, plain = config.get("responseJsonSchema", "response_json_schema"), config.get("responseSchema", "response_schema")
    if real is not None:
        return Format(real.shape())
    return Format(lowered(plain.shape()) if plain is not None else None)


def _reasoning(given: Field | None) -> Reasoning | None:
    if given is None:
        return None
    show, level = given.get("includeThoughts", "include_thoughts"), given.string("thinkingLevel", "thinking_level").upper()
    return Reasoning(
        _LEVELS.get(level),
        _integer(given, "thinkingBudget", "thinking_budget"),
        show.flag() if show is not None else None,
    )


def _sampling(config: Field) -> Sampling:
    stop, logprobs = config.get("stopSequences", "stop_sequences"), config.get("responseLogprobs", "response_logprobs")
    return Sampling(
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP", "top_p"),
        top_k=_integer(config, "topK", "top_k"),
        seed=_integer(config, "seed"),
        stop=tuple(item.text() for item in stop.items()) if stop is not None else (),
        presence_penalty=_number(config, "presencePenalty", "presence_penalty"),
        frequency_penalty=_number(config, "frequencyPenalty", "frequency_penalty"),
        logprobs=logprobs.flag() if logprobs is not None else False,
        top_logprobs=_integer(config, "logprobs"),
    )


def lowered(schema: Raw) -> Raw:
    """Google's Schema as JSON Schema: types in lower case, `nullable` as a type."""
    return json.raw(_lowered(json.decode(bytes(schema))))


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = {name: _lowered(inner) for name, inner in cast("dict[str, Any]", value).items()}
    kind = fields.get("type")
    if isinstance(kind, str):
        fields["type"] = kind.lower()
        if fields.pop("nullable", None) is True:
            fields["type"] = [fields["type"], "null"]
    if "anyOf" not in fields and "any_of" in fields:
        fields["anyOf"] = fields.pop("any_of")
    return fields

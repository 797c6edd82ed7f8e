"""A chat completions request as an Ask."""

from collections.abc import Iterator

import msgspec

from entrepot.core.ask import (
    Ask,
    Choice,
    Effort,
    Format,
    Native,
    Reasoning,
    Sampling,
    ServerTool,
    Tool,
)
from entrepot.core.call import Peek
from entrepot.dialects.openai_chat_conversion.messages import read_messages
from entrepot.dialects.shared.fields import Field, read_body, unsaid

_KNOWN = frozenset(
    (
        "model",
        "messages",
        "stream",
        "stream_options",
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "reasoning",
        "thinking",
        "include_reasoning",
        "temperature",
        "top_p",
        "top_k",
        "seed",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "modalities",
        "verbosity",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "service_tier",
        "metadata",
        "store",
        "web_search_options",
    )
)
_EFFORTS: frozenset[str] = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))


def read_ask(peek: Peek) -> Ask:
    """The whole request. Raises Fault(INVALID_FIELD) with the place."""
    body = read_body(peek.members)
    system, turns = read_messages(body.need("messages"))
    choice = _choice(body)
    metadata = body.get("metadata")
    modalities = body.get("modalities")
    return Ask(
        model=peek.model,
        system=system,
        turns=turns,
        tools=tuple(_tools(body)),
        server_tools=tuple(_server_tools(body)),
        choice=choice,
        format=_format(body.get("response_format")),
        reasoning=_reasoning(body),
        sampling=_sampling(body),
        max_output=_integer(body, "max_completion_tokens", "max_tokens"),
        choices=_integer(body, "n") or 1,
        stream=peek.stream,
        modalities=tuple(item.text() for item in modalities.items()) if modalities is not None else (),
        verbosity=body.string("verbosity"),
        user=body.string("user", "safety_identifier"),
        cache_key=body.string("prompt_cache_key"),
        service_tier=body.string("service_tier"),
        metadata=metadata.shape() if metadata is not None else None,
        unsaid=unsaid(peek, _KNOWN),
    )


def _integer(body: Field, *names: str) -> int | None:
    found = body.get(*names)
    return found.integer() if found is not None else None


def _number(body: Field, name: str) -> float | None:
    found = body.get(name)
    return found.number() if found is not None else None


def _tools(body: Field) -> Iterator[Tool]:
    for item in _listed(body, "tools"):
        kind = item.string("type") or "function"
        if kind == "function":
            yield _tool(item.need("function"))
        elif kind == "custom":
            custom = item.need("custom")
            form = custom.get("format")
            yield Tool(
                custom.need("name").text(),
                custom.string("description"),
                form.shape() if form is not None else None,
                custom=True,
            )
    for item in _listed(body, "functions"):
        yield _tool(item)


def _tool(function: Field) -> Tool:
    schema, strict = function.get("parameters"), function.get("strict")
    return Tool(
        function.need("name").text(),
        function.string("description"),
        schema.shape() if schema is not None else None,
        strict.flag() if strict is not None else None,
    )


def _listed(body: Field, name: str) -> Iterator[Field]:
    found = body.get(name)
    if found is not None:
        yield from found.items()


def _server_tools(body: Field) -> Iterator[ServerTool]:
    if (search := body.get("web_search_options")) is not None:
        yield ServerTool("web_search", Native("openai_chat", "web_search_options", search.shape()))
    for item in _listed(body, "tools"):
        kind = item.string("type")
        if kind not in ("", "function", "custom"):
            known = "web_search" if "web_search" in kind else "other"
            yield ServerTool(known, Native("openai_chat", kind, item.raw()))


def _choice(body: Field) -> Choice | None:
    given, parallel = body.get("tool_choice", "function_call"), body.get("parallel_tool_calls")
    choice = _chosen(given) if given is not None else None
    if parallel is None:
        return choice
    return msgspec.structs.replace(choice or Choice(), parallel=parallel.flag())


def _chosen(given: Field) -> Choice:
    if given.is_text():
        mode = given.text()
        if mode == "none":
            return Choice("none")
        return Choice("required" if mode in ("required", "any") else "auto")
    allowed = given.get("allowed_tools")
    if allowed is not None:
        names = [_name(item) for item in allowed.need("tools").items()]
        return Choice("required" if allowed.string("mode") == "required" else "auto", tuple(names))
    return Choice("required", (_name(given),))


def _name(tool: Field) -> str:
    inner = tool.get("function", "custom")
    return (inner or tool).need("name").text()


def _format(given: Field | None) -> Format | None:
    kind = given.string("type") if given is not None else ""
    if given is None or kind in ("", "text"):
        return None
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        raise given.unsayable(f"The response format '{kind}' cannot be said to this upstream")
    spec = given.need("json_schema")
    schema, strict = spec.get("schema"), spec.get("strict")
    return Format(
        schema.shape() if schema is not None else None,
        spec.string("name") or "answer",
        spec.string("description"),
        strict.flag() if strict is not None else None,
    )


def _reasoning(body: Field) -> Reasoning | None:
    """OpenAI's `reasoning_effort`, OpenRouter's `reasoning`, and the `thinking` of several Chinese vendors."""
    effort = _effort(body.get("reasoning_effort"))
    budget: int | None = None
    show: bool | None = None
    if (spec := body.get("reasoning")) is not None:
        effort = effort or _effort(spec.get("effort"))
        budget = _integer(spec, "max_tokens")
        if (hidden := spec.get("exclude")) is not None:
            show = not hidden.flag()
        if (enabled := spec.get("enabled")) is not None and not enabled.flag():
            effort, budget = "none", None
    if (thinking := body.get("thinking")) is not None:
        budget = _integer(thinking, "budget_tokens") if budget is None else budget
        if thinking.string("type") == "disabled":
            budget = 0
        elif effort is None and budget is None:
            budget = -1
    if (included := body.get("include_reasoning")) is not None:
        show = included.flag()
    return None if effort is None and budget is None and show is None else Reasoning(effort, budget, show)


def _effort(given: Field | None) -> Effort | None:
    if given is None:
        return None
    effort = given.text()
    if effort not in _EFFORTS:
        raise given.wrong("one of none, minimal, low, medium, high, xhigh, max")
    return effort  # pyright: ignore[reportReturnType]


def _sampling(body: Field) -> Sampling:
    stop, bias, logprobs = body.get("stop"), body.get("logit_bias"), body.get("logprobs")
    return Sampling(
        temperature=_number(body, "temperature"),
        top_p=_number(body, "top_p"),
        top_k=_integer(body, "top_k"),
        seed=_integer(body, "seed"),
        stop=() if stop is None else (stop.text(),) if stop.is_text() else tuple(item.text() for item in stop.items()),
        presence_penalty=_number(body, "presence_penalty"),
        frequency_penalty=_number(body, "frequency_penalty"),
        logit_bias=bias.shape() if bias is not None else None,
        logprobs=logprobs.flag() if logprobs is not None else False,
        top_logprobs=_integer(body, "top_logprobs"),
    )

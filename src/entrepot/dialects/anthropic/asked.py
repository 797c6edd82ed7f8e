"""A Messages request as an Ask."""

from collections.abc import Iterator

from entrepot.core.ask import Ask, Choice, Effort, Format, Native, Reasoning, Sampling, ServerTool, Tool
from entrepot.core.call import Peek
from entrepot.dialects.anthropic.blocks import NAME, cache_of, read_system, read_turns
from entrepot.dialects.shared.fields import Field, read_body, unsaid

_KNOWN = frozenset(
    (
        "model", "messages", "system", "max_tokens", "stream", "tools", "tool_choice", "thinking", "output_config",
        "output_format", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier",
    )
)  # fmt: skip
_EFFORTS: frozenset[str] = frozenset(("low", "medium", "high", "xhigh", "max"))
_OWN_FORM = frozenset(("bash", "text_editor", "computer", "memory"))
"""Tools that run at the client, and whose form only Anthropic's models know."""


def read_ask(peek: Peek) -> Ask:
    """The whole request. Raises Fault(INVALID_FIELD) with the place."""
    body = read_body(peek.members)
    system = body.get("system")
    metadata, cap = body.get("metadata"), body.get("max_tokens")
    return Ask(
        model=peek.model,
        system=read_system(system) if system is not None else (),
        turns=read_turns(body.need("messages")),
        tools=tuple(_tools(body)),
        server_tools=tuple(_server_tools(body)),
        choice=_choice(body.get("tool_choice")),
        format=_format(body),
        reasoning=_reasoning(body),
        sampling=_sampling(body),
        max_output=cap.integer() if cap is not None else None,
        stream=peek.stream,
        user=metadata.string("user_id") if metadata is not None else "",
        service_tier=body.string("service_tier"),
        unsaid=unsaid(peek, _KNOWN),
    )


def _listed(body: Field, name: str) -> Iterator[Field]:
    found = body.get(name)
    if found is not None:
        yield from found.items()


def _tools(body: Field) -> Iterator[Tool]:
    for item in _listed(body, "tools"):
        if item.string("type") in ("", "custom"):
            schema, strict = item.get("input_schema"), item.get("strict")
            yield Tool(
                item.need("name").text(),
                item.string("description"),
                schema.shape() if schema is not None else None,
                strict.flag() if strict is not None else None,
                cache=cache_of(item),
            )


def _server_tools(body: Field) -> Iterator[ServerTool]:
    for item in _listed(body, "tools"):
        kind = item.string("type")
        if kind in ("", "custom"):
            continue
        if kind.rpartition("_")[0] in _OWN_FORM:
            raise item.unsayable(f"The tool '{kind}' cannot be said to this upstream")
        native = Native(NAME, kind, item.raw())
        if kind.startswith("web_search"):
            yield ServerTool("web_search", native)
        elif kind.startswith("web_fetch"):
            yield ServerTool("web_fetch", native)
        else:
            yield ServerTool("code" if kind.startswith("code_execution") else "other", native)


def _choice(given: Field | None) -> Choice | None:
    if given is None:
        return None
    kind, single = given.need("type").text(), given.get("disable_parallel_tool_use")
    parallel = None if single is None else not single.flag()
    if kind == "tool":
        return Choice("required", (given.need("name").text(),), parallel)
    if kind not in ("auto", "any", "none"):
        raise given.need("type").wrong("auto, any, tool or none")
    return Choice("required" if kind == "any" else "none" if kind == "none" else "auto", parallel=parallel)


def _format(body: Field) -> Format | None:
    config = body.get("output_config")
    given = (config.get("format") if config is not None else None) or body.get("output_format")
    if given is None:
        return None
    schema = given.need("schema")
    return Format(schema.shape(), strict=True)


def _reasoning(body: Field) -> Reasoning | None:
    thinking, config = body.get("thinking"), body.get("output_config")
    wanted = config.get("effort") if config is not None else None
    effort: Effort | None = None
    if wanted is not None:
        if wanted.text() not in _EFFORTS:
            raise wanted.wrong("one of low, medium, high, xhigh, max")
        effort = wanted.text()  # pyright: ignore[reportAssignmentType]
    if thinking is None:
        return Reasoning(effort) if effort else None
    kind = thinking.need("type").text()
    if kind == "disabled":
        return Reasoning("none", 0)
    show = thinking.string("display") != "omitted"
    if kind == "adaptive":
        return Reasoning(effort, None if effort else -1, show, adaptive=True)
    return Reasoning(effort, thinking.need("budget_tokens").integer(), show)


def _sampling(body: Field) -> Sampling:
    temperature, top_p, top_k = body.get("temperature"), body.get("top_p"), body.get("top_k")
    return Sampling(
        temperature=temperature.number() if temperature is not None else None,
        top_p=top_p.number() if top_p is not None else None,
        top_k=top_k.integer() if top_k is not None else None,
        stop=tuple(item.text() for item in _listed(body, "stop_sequences")),
    )

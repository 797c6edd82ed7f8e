"""A Responses request as an Ask."""

from collections.abc import Iterator, Mapping

import msgspec

from entrepot.core.ask import Ask, Choice, Effort, Format, Native, Reasoning, Sampling, ServerTool, Text, Tool
from entrepot.core.call import Peek
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_responses.items import read_input
from entrepot.dialects.openai_responses.proofs import NAME
from entrepot.dialects.shared.fields import Field, read_body, unsaid

_KNOWN = frozenset(
    (
        "model", "input", "instructions", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "text",
        "reasoning", "max_output_tokens", "temperature", "top_p", "top_logprobs", "include", "store", "user",
        "safety_identifier", "prompt_cache_key", "service_tier", "metadata", "truncation",
    )
)  # fmt: skip
_STATE = ("previous_response_id", "conversation", "prompt", "background")
"""Fields that need what only the vendor keeps."""
_EFFORTS: frozenset[str] = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))
_SERVER: Mapping[str, str] = {"web_search": "web_search", "web_search_preview": "web_search", "code_interpreter": "code"}


def read_ask(peek: Peek) -> Ask:
    """The whole request. Raises Fault(INVALID_FIELD) with the place."""
    body = read_body(peek.members)
    _stateless(body)
    system, turns = read_input(body.need("input"))
    text, cap, metadata = body.get("text"), body.get("max_output_tokens"), body.get("metadata")
    instructions = body.string("instructions")
    return Ask(
        model=peek.model,
        system=((Text(instructions),) if instructions else ()) + system,
        turns=turns,
        tools=tuple(_tools(body)),
        server_tools=tuple(_server_tools(body)),
        choice=_choice(body),
        format=_format(text.get("format") if text is not None else None),
        reasoning=_reasoning(body.get("reasoning")),
        sampling=_sampling(body),
        max_output=cap.integer() if cap is not None else None,
        stream=peek.stream,
        verbosity=text.string("verbosity") if text is not None else "",
        user=body.string("user", "safety_identifier"),
        cache_key=body.string("prompt_cache_key"),
        service_tier=body.string("service_tier"),
        metadata=metadata.shape() if metadata is not None else None,
        unsaid=unsaid(peek, _KNOWN),
    )


def _stateless(body: Field) -> None:
    """What would need a memory at the vendor is refused, not ignored."""
    for name in _STATE:
        found = body.get(name)
        if found is not None and found.value is not False:
            message = f"'{name}' needs state that this upstream does not keep. Send the whole conversation as input."
            raise Fault(Kind.INVALID_FIELD, message, param=name, code="unsupported_parameter")


def _listed(body: Field, name: str) -> Iterator[Field]:
    found = body.get(name)
    if found is not None:
        yield from found.items()


def _tools(body: Field) -> Iterator[Tool]:
    for item in _listed(body, "tools"):
        kind = item.need("type").text()
        if kind == "function":
            schema, strict = item.get("parameters"), item.get("strict")
            yield Tool(
                item.need("name").text(),
                item.string("description"),
                schema.shape() if schema is not None else None,
                strict.flag() if strict is not None else None,
            )
        elif kind == "custom":
            form = item.get("format")
            grammar = form.shape() if form is not None else None
            yield Tool(item.need("name").text(), item.string("description"), grammar, custom=True)


def _server_tools(body: Field) -> Iterator[ServerTool]:
    for item in _listed(body, "tools"):
        kind = item.need("type").text()
        if kind not in ("function", "custom"):
            known = next((found for name, found in _SERVER.items() if kind.startswith(name)), "other")
            yield ServerTool(known, Native(NAME, kind, item.raw()))  # pyright: ignore[reportArgumentType]


def _choice(body: Field) -> Choice | None:
    given, parallel = body.get("tool_choice"), body.get("parallel_tool_calls")
    choice = _chosen(given) if given is not None else None
    if parallel is None:
        return choice
    return msgspec.structs.replace(choice or Choice(), parallel=parallel.flag())


def _chosen(given: Field) -> Choice:
    if given.is_text():
        mode = given.text()
        return Choice("none" if mode == "none" else "required" if mode == "required" else "auto")
    if given.string("type") == "allowed_tools":
        names = tuple(item.string("name") for item in given.need("tools").items())
        return Choice("required" if given.string("mode") == "required" else "auto", tuple(name for name in names if name))
    name = given.string("name")
    return Choice("required", (name,)) if name else Choice("auto")


def _format(given: Field | None) -> Format | None:
    kind = given.string("type") if given is not None else ""
    if given is None or kind in ("", "text"):
        return None
    if kind == "json_object":
        return Format()
    if kind != "json_schema":
        raise given.unsayable(f"The format '{kind}' cannot be said to this upstream")
    schema, strict = given.need("schema"), given.get("strict")
    return Format(
        schema.shape(),
        given.string("name") or "answer",
        given.string("description"),
        strict.flag() if strict is not None else None,
    )


def _reasoning(given: Field | None) -> Reasoning | None:
    if given is None:
        return None
    wanted = given.get("effort")
    effort: Effort | None = None
    if wanted is not None:
        if wanted.text() not in _EFFORTS:
            raise wanted.wrong("one of none, minimal, low, medium, high, xhigh, max")
        effort = wanted.text()  # pyright: ignore[reportAssignmentType]
    show = bool(given.string("summary") or given.string("generate_summary")) or None
    return None if effort is None and show is None else Reasoning(effort, show=show)


def _sampling(body: Field) -> Sampling:
    temperature, top_p, top = body.get("temperature"), body.get("top_p"), body.get("top_logprobs")
    scored = any(item.text() == "message.output_text.logprobs" for item in _listed(body, "include"))
    return Sampling(
        temperature=temperature.number() if temperature is not None else None,
        top_p=top_p.number() if top_p is not None else None,
        logprobs=scored or bool(top is not None and top.integer()),
        top_logprobs=top.integer() if top is not None and top.integer() else None,
    )

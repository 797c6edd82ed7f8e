"""How one attempt speaks: the request in the vendor's dialect, the answer in the client's.

Where the vendor speaks what the client speaks, the bytes are forwarded; else the request is written anew from
what it says, and the answer is converted on its way (decision 0015).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from entrepot.core.ask import Ask, Media, Part, ToolResult
from entrepot.core.call import Call, Operation, Peek
from entrepot.core.conversion import Convertible, Reading, Target, Writing, Written
from entrepot.core.dialect import Changes, Dialect, Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers, Request
from entrepot.core.provider import Provider
from entrepot.core.route import Route
from entrepot.kit import json, patterns
from entrepot.relay.convert import ConvertedTap
from entrepot.relay.fetch import Fetcher
from entrepot.relay.outcome import Outcome

PREFERRED: Final[tuple[Operation, ...]] = ("chat", "responses", "messages", "generate")
"""Of several formats that a vendor speaks and the client does not, the first of these is taken, unless the channel says."""


class Conversion(msgspec.Struct, frozen=True):
    """Both sides of an attempt that is converted."""

    vendor: Convertible
    client: Convertible
    written: Written
    writing: Writing


class Speech(msgspec.Struct, frozen=True):
    """One attempt's words."""

    request: Request
    dialect: Dialect
    """The vendor's."""
    conversion: Conversion | None = None
    """None where the bytes are forwarded."""

    @property
    def shows(self) -> tuple[bytes, ...]:
        """Headers of the vendor that the client may see: in the same dialect, those that it knows."""
        return self.dialect.shows if self.conversion is None else ()

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """The vendor's refusal. In another dialect than the client's its body is told, not shown."""
        fault = self.dialect.refusal(status, headers, body)
        if self.conversion is not None:
            fault.vendor = None
        return fault

    def tap(self, how: Tapping) -> Tap:
        """Reads along, or converts, while the answer passes."""
        found = self.conversion
        if found is None:
            return self.dialect.tap(how)
        reader = found.vendor.reader(Reading(how.stream, found.writing.seed))
        return ConvertedTap(reader, found.client.writer(found.writing), found.written, stream=how.stream)

    def content_type(self, given: bytes | None) -> bytes:
        """Of the client's answer; `given` is the vendor's."""
        if self.conversion is None:
            return given or b"application/json"
        return self.conversion.client.writer(self.conversion.writing).content_type


class Interpreter:
    """Makes the speech of a call on a route."""

    __slots__ = ("_conversions", "_dialects", "_fetcher", "_providers")

    def __init__(
        self,
        providers: Mapping[str, Provider],
        dialects: Mapping[str, Dialect],
        conversions: Mapping[Operation, Convertible],
        fetcher: Fetcher | None,
    ) -> None:
        """`conversions`: the chat formats, by operation; none means that calls are only forwarded."""
        self._providers = providers
        self._dialects = dialects
        self._conversions = conversions
        self._fetcher = fetcher

    def operation(self, call: Call, route: Route) -> Operation | None:
        """What a call becomes at this vendor: itself, where it can; another chat format; None where it cannot be served."""
        offered = self._providers[route.provider].operations
        if call.operation in offered and not route.api:
            return call.operation
        if call.operation not in self._conversions:
            return call.operation if call.operation in offered else None
        wanted = (route.api, call.operation, *PREFERRED) if route.api else PREFERRED
        return next((name for name in wanted if name in offered and name in self._conversions), None)

    def forwarded(self, call: Call, route: Route, outcome: Outcome) -> Speech:
        """The client's own bytes, but for what must change."""
        provider, peek, dialect = self._providers[route.provider], outcome.peek, self._dialects[call.operation]
        refused = provider.drop and provider.drop.intersection(peek.members)
        outcome.dropped = (*peek.dropped, *sorted(refused)) if refused else peek.dropped
        _strict(call, outcome)
        changes = Changes(
            model=route.model if route.mapped else None,
            ask_usage=peek.stream and not peek.wants_usage and provider.stream_usage == "option",
            set=route.overrides,
            drop=provider.drop,
        )
        if outcome.hold is not None and (most := outcome.hold.max_output) is not None:
            named = patterns.best(provider.caps, route.model)
            field = provider.caps[named] if named is not None else changes.cap_field
            changes = msgspec.structs.replace(changes, max_output=most, cap_field=field)
        body, extra = dialect.patch(peek, changes), (*call.passed, *_extra(call, route))
        return Speech(provider.request(route, call.operation, body, extra, stream=peek.stream), dialect)

    async def converted(self, call: Call, route: Route, operation: Operation, outcome: Outcome) -> Speech:
        """What the client says, in the vendor's format. Raises Fault(INVALID_FIELD) naming what cannot be said."""
        provider, peek = self._providers[route.provider], outcome.peek
        client, vendor, dialect = self._conversions[call.operation], self._conversions[operation], self._dialects[operation]
        ask = await self._inlined(_held_for(client.read(peek), peek), vendor)
        target = Target(
            model=route.model,
            max_output=outcome.hold.max_output if outcome.hold else None,
            ask_usage=peek.stream and provider.stream_usage == "option",
            plain=provider.plain,
            thinking_field=provider.thinking_field,
        )
        written = vendor.write(ask, target)
        outcome.dropped = (*peek.dropped, *ask.unsaid, *written.dropped)
        _strict(call, outcome)
        body = written.body
        if route.overrides or provider.drop:
            members = json.members(body)
            body = dialect.patch(Peek(route.model, peek.stream, members), Changes(set=route.overrides, drop=provider.drop))
        writing = Writing(
            stream=peek.stream,
            seed=call.id.removeprefix("req_"),
            model=peek.model,
            created=int(call.arrived),
            wants_usage=peek.wants_usage,
            array=call.array,
            peek=peek,
        )
        request = provider.request(route, operation, body, _extra(call, route), stream=peek.stream)
        return Speech(request, dialect, Conversion(vendor, client, written, writing))

    async def _inlined(self, ask: Ask, vendor: Convertible) -> Ask:
        """With the media that the vendor does not fetch itself."""
        wanted = list(vendor.links(ask))
        if not wanted:
            return ask
        if self._fetcher is None:
            raise Fault(Kind.URL_NOT_FETCHED)
        return _replaced(ask, await self._fetcher.fetch(wanted))


def _held_for(ask: Ask, peek: Peek) -> Ask:
    """The ask, once it is sure that the call reserved money for as much. Raises Fault(INVALID_FIELD)."""
    if ask.choices > max(peek.choices, 1):
        raise Fault(Kind.INVALID_FIELD, "The number of answers has to be a plain integer, said once.", param="n")
    if ask.max_output is not None and peek.max_output is not None and ask.max_output > peek.max_output:
        raise Fault(Kind.INVALID_FIELD, "The cap on output has to be a plain integer, said once.", param="max_tokens")
    return ask


def _strict(call: Call, outcome: Outcome) -> None:
    if call.strict and outcome.dropped:
        named = ", ".join(outcome.dropped)
        message = f"These fields would not reach the upstream: {named}. Leave them out, or do not ask for x-entrepot-strict."
        raise Fault(Kind.INVALID_FIELD, message, param=outcome.dropped[0], code="unsupported_field")


def _extra(call: Call, route: Route) -> Headers:
    return ((b"x-sandbox-fault", call.fault_header),) if call.fault_header and route.provider == "sandbox" else ()


def _replaced(ask: Ask, found: Mapping[Media, Media]) -> Ask:
    turns = [msgspec.structs.replace(turn, parts=tuple(_part(part, found) for part in turn.parts)) for turn in ask.turns]
    return msgspec.structs.replace(ask, turns=tuple(turns))


def _part(part: Part, found: Mapping[Media, Media]) -> Part:
    if isinstance(part, Media):
        return found.get(part, part)
    if isinstance(part, ToolResult):
        content = tuple(found.get(inner, inner) if isinstance(inner, Media) else inner for inner in part.content)
        return msgspec.structs.replace(part, content=content)
    return part

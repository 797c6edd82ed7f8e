"""Errors in Anthropic's words: a vendor's refusal as one of our faults, and our faults as its clients know them.

Shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`; our own code stands where Anthropic puts its own,
in `error.details.error_code`. Source: platform.claude.com/docs, "Errors"; anthropic/_exceptions.py.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from entrepot.core.call import Standing
from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind, VendorAnswer
from entrepot.core.http import Headers
from entrepot.dialects.shared.vendor_errors import fault_of, is_quota, kind_for, read_error, scrub_bytes, wait
from entrepot.kit import json

_JSON = b"application/json"
STATUSES: Final[Mapping[int, tuple[int, str]]] = {
    401: (401, "authentication_error"),
    402: (402, "billing_error"),
    403: (403, "permission_error"),
    404: (404, "not_found_error"),
    409: (409, "conflict_error"),
    413: (413, "request_too_large"),
    429: (429, "rate_limit_error"),
    500: (500, "api_error"),
    502: (500, "api_error"),
    503: (529, "overloaded_error"),
    504: (504, "timeout_error"),
    529: (529, "overloaded_error"),
}
"""Our statuses in Anthropic's: with the type that goes with each. All other 4xx are `invalid_request_error`."""
_KINDS: Mapping[Kind, tuple[int, str]] = {Kind.NOT_PRICED: (500, "api_error")}
"""Kinds that need another one: what will not pass by waiting is no overload."""
_NAMED: Mapping[str, int] = {kind: status for status, kind in STATUSES.values()} | {"invalid_request_error": 400}


def refusal(status: int, headers: Headers, body: bytes) -> Fault:
    """A vendor's answer with status ≥ 400 as a fault; a body in another shape is worded anew."""
    found = dict(headers)
    try:
        value = json.decode(body)
    except json.JsonError:
        value = None
    said = read_error(value)
    if isinstance(value, dict) and value.get("type") == "error":  # pyright: ignore[reportUnknownMemberType]
        answer = VendorAnswer(status, found.get(b"content-type", _JSON), scrub_bytes(body))
    else:
        text = said.message or f"The upstream refused the request with status {status} and no reason."
        answer = VendorAnswer(status, _JSON, scrub_bytes(json.encode(_shape(words(status)[1], text))))
    return fault_of(kind_for(status, said), said, answer, wait(found, said))


def inside(error: Any, body: bytes) -> Fault:
    """An error inside a 200, as the status that its type means; one of unknown type, or the vendor's own, is a lie.

    `body` is what to forward if it is a refusal.
    """
    said = read_error(error)
    named = next((_NAMED[label] for label in said.labels if label in _NAMED), said.status)
    if named is None or (named >= 500 and named != _NAMED["overloaded_error"]):
        kind = Kind.VENDOR_QUOTA if is_quota(said) else Kind.VENDOR_LIED
    else:
        kind = kind_for(named, said)
    return fault_of(kind, said, VendorAnswer(named or 502, _JSON, scrub_bytes(body)), said.retry)


def words(status: int) -> tuple[int, str]:
    """The status that Anthropic documents for one of ours, and its type of error."""
    return STATUSES.get(status) or ((status, "invalid_request_error") if status < 500 else (500, "api_error"))


def render(fault: Fault, request_id: str = "") -> Rendered:
    """A fault before the first byte; a vendor's refusal goes out as it came."""
    headers = [(b"x-should-retry", b"true" if fault.row.retry else b"false"), *limits(fault.standing)]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(fault.retry_after)).encode()))
        headers.append((b"retry-after-ms", str(math.ceil(fault.retry_after * 1000)).encode()))
    if fault.row.forward and fault.vendor is not None:
        return Rendered(fault.vendor.status, ((b"content-type", fault.vendor.content_type), *headers), fault.vendor.body)
    status, kind = _words_of(fault)
    shape = _shape(kind, fault.message, fault.code)
    if request_id:
        shape["request_id"] = request_id
    return Rendered(status, ((b"content-type", _JSON), *headers), json.encode(shape))


def limits(standing: tuple[Standing, ...]) -> Headers:
    """Anthropic's headers about rate limits (platform.claude.com/docs, "Rate limits")."""
    headers: list[tuple[bytes, bytes]] = []
    for one in standing:
        name = b"anthropic-ratelimit-" + one.kind.encode()
        headers += [
            (name + b"-limit", b"%d" % one.limit),
            (name + b"-remaining", b"%d" % one.remaining),
            (name + b"-reset", one.resets_at().encode()),
        ]
    return tuple(headers)


def render_late(fault: Fault) -> bytes:
    """A fault in mid-stream: the last event, and no `message_stop` follows it."""
    return b"event: error\ndata: " + json.encode(_shape(_words_of(fault)[1], fault.message, fault.code)) + b"\n\n"


def _words_of(fault: Fault) -> tuple[int, str]:
    return _KINDS.get(fault.kind) or words(fault.status)


def _shape(kind: str, message: str, code: str | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"type": kind, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error}

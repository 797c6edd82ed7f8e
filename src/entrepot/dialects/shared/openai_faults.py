"""Errors in OpenAI's family: a vendor's refusal as one of our faults, and our faults in its words.

Shape: `{"error": {"message", "type", "param", "code"}}`.
"""

import math
from typing import Any

from entrepot.core.call import Standing
from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind, VendorAnswer
from entrepot.core.http import Headers
from entrepot.dialects.shared.vendor_errors import Said, fault_of, is_quota, kind_for, read_error, scrub_bytes, wait
from entrepot.kit import json

_JSON = b"application/json"


def refusal(status: int, headers: Headers, body: bytes) -> Fault:
    """A vendor's answer with status ≥ 400 as a fault. A body that is no JSON (a proxy's page of HTML) is not forwarded."""
    found = dict(headers)
    try:
        said = read_error(json.decode(body))
        answer = VendorAnswer(status, found.get(b"content-type", _JSON), scrub_bytes(body))
    except json.JsonError:
        said = Said()
        text = f"The upstream refused the request with status {status} and no reason."
        error = {"message": text, "type": "invalid_request_error", "param": None, "code": None}
        answer = VendorAnswer(status, _JSON, json.encode({"error": error}))
    return fault_of(kind_for(status, said), said, answer, wait(found, said))


def inside(error: Any, body: bytes) -> Fault:
    """An error inside a 200, as the status it names, or as a lie. `body` is what to forward if it is a refusal."""
    said = read_error(error)
    kind = Kind.VENDOR_LIED if said.status is None or said.status >= 500 else kind_for(said.status, said)
    if said.status is None and is_quota(said):
        kind = Kind.VENDOR_QUOTA
    return fault_of(kind, said, VendorAnswer(said.status or 502, _JSON, scrub_bytes(body)), said.retry)


def disguised(payload: bytes) -> Fault | None:
    """An error in a 200 without an `error` member: minimax's base_resp, `{"code", "message"}`, `{"detail"}`."""
    try:
        value = json.decode(payload)
    except json.JsonError:
        return None
    if not isinstance(value, dict):
        return None
    fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    said = read_error(fields)
    if "0" in said.labels or not said.message or not (said.labels or "detail" in fields):
        return None
    return inside(
        fields, json.encode({"error": {"message": said.message, "type": "upstream_error", "param": None, "code": None}})
    )


def error_object(fault: Fault) -> dict[str, Any]:
    """A fault as OpenAI's error object."""
    return {"error": {"message": fault.message, "type": fault.row.type, "param": fault.param, "code": fault.code}}


def render(fault: Fault) -> Rendered:
    """A fault before the first byte; a vendor's refusal goes out as it came."""
    headers = [(b"x-should-retry", b"true" if fault.row.retry else b"false"), *limits(fault.standing)]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(fault.retry_after)).encode()))
        headers.append((b"retry-after-ms", str(math.ceil(fault.retry_after * 1000)).encode()))
    if fault.row.forward and fault.vendor is not None:
        return Rendered(fault.vendor.status, ((b"content-type", fault.vendor.content_type), *headers), fault.vendor.body)
    return Rendered(fault.status, ((b"content-type", _JSON), *headers), json.encode(error_object(fault)))


def limits(standing: tuple[Standing, ...]) -> Headers:
    """OpenAI's headers about rate limits (platform.openai.com/docs, "Rate limits")."""
    headers: list[tuple[bytes, bytes]] = []
    for one in standing:
        kind = one.kind.encode()
        headers += [
            (b"x-ratelimit-limit-" + kind, b"%d" % one.limit),
            (b"x-ratelimit-remaining-" + kind, b"%d" % one.remaining),
            (b"x-ratelimit-reset-" + kind, one.resets_in().encode()),
        ]
    return tuple(headers)


def render_late(fault: Fault) -> bytes:
    """A fault in mid-stream: openai-python raises on a chunk with `error`, and no [DONE] follows one (openai/_streaming.py)."""
    return b"data: " + json.encode(error_object(fault)) + b"\n\n"

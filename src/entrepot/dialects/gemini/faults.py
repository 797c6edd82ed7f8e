"""Errors in Gemini's words: a vendor's refusal as one of our faults, and our faults as its clients know them.

Shape: `{"error": {"code", "message", "status", "details"}}`. Source: ai.google.dev, "API errors"; google/genai/errors.py.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, VendorAnswer
from entrepot.core.http import Headers
from entrepot.dialects.shared import openai_faults
from entrepot.dialects.shared.vendor_errors import fault_of, kind_for, read_error, scrub_bytes, wait
from entrepot.kit import json

_JSON: Final = b"application/json; charset=UTF-8"
_STATUSES: Mapping[int, tuple[int, str]] = {
    400: (400, "INVALID_ARGUMENT"),
    401: (401, "UNAUTHENTICATED"),
    402: (402, "RESOURCE_EXHAUSTED"),
    403: (403, "PERMISSION_DENIED"),
    404: (404, "NOT_FOUND"),
    405: (405, "NOT_FOUND"),
    409: (409, "ABORTED"),
    413: (413, "INVALID_ARGUMENT"),
    429: (429, "RESOURCE_EXHAUSTED"),
    499: (499, "CANCELLED"),
    500: (500, "INTERNAL"),
    502: (502, "UNAVAILABLE"),
    503: (503, "UNAVAILABLE"),
    504: (504, "DEADLINE_EXCEEDED"),
}


def refusal(status: int, headers: Headers, body: bytes) -> Fault:
    """A vendor's answer with status ≥ 400 as a fault; a body in another shape is worded anew."""
    found = dict(headers)
    try:
        value = json.decode(body)
    except json.JsonError:
        value = None
    said = read_error(value)
    if said.message:
        answer = VendorAnswer(status, found.get(b"content-type", _JSON), scrub_bytes(body))
    else:
        text = f"The upstream refused the request with status {status} and no reason."
        answer = VendorAnswer(status, _JSON, json.encode(_shape(status, text)))
    return fault_of(kind_for(status, said), said, answer, wait(found, said))


def inside(error: Any, body: bytes) -> Fault:
    """An error inside a 200; `body` is what to forward if it is a refusal."""
    said = read_error(error)
    named = said.status or 502
    return fault_of(kind_for(named, said), said, VendorAnswer(named, _JSON, scrub_bytes(body)), said.retry)


def render(fault: Fault, request_id: str = "") -> Rendered:
    """A fault before the first byte; a vendor's refusal goes out as it came."""
    del request_id
    headers = [(b"x-should-retry", b"true" if fault.row.retry else b"false"), *openai_faults.limits(fault.standing)]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(fault.retry_after)).encode()))
    if fault.row.forward and fault.vendor is not None:
        return Rendered(fault.vendor.status, ((b"content-type", fault.vendor.content_type), *headers), fault.vendor.body)
    status, _ = _STATUSES.get(fault.status, (fault.status, ""))
    return Rendered(status, ((b"content-type", _JSON), *headers), json.encode(_told(fault)))


def render_late(fault: Fault) -> bytes:
    """A fault in mid-stream: the last frame."""
    return b"data: " + json.encode(_told(fault)) + b"\r\n\r\n"


def _told(fault: Fault) -> dict[str, Any]:
    shape = _shape(fault.status, fault.message)
    details: list[dict[str, Any]] = []
    if fault.code:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": fault.code.upper(), "domain": "entrepot"}
        )
    if fault.retry_after is not None:
        delay = f"{math.ceil(fault.retry_after)}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    if details:
        shape["error"]["details"] = details
    return shape


def _shape(status: int, message: str) -> dict[str, Any]:
    code, name = _STATUSES.get(status) or ((status, "INVALID_ARGUMENT") if status < 500 else (500, "INTERNAL"))
    return {"error": {"code": code, "message": message, "status": name}}

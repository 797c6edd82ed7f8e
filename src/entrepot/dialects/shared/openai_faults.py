"""Errors in OpenAI's family: a vendor's refusal as one of our faults, and our faults in its words.

Shape: `{"error": {"message", "type", "param", "code"}}`; vendors leave parts out, write numbers
for codes, or use shapes of their own (`detail`, `base_resp`, `message` at the top).
"""

import math
import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any

import msgspec

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind, VendorAnswer
from entrepot.core.http import Headers
from entrepot.kit import json

_JSON = b"application/json"
_MAX_WAIT = 86_400.0
_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_*-]{6,}|\b(?:gsk_|xai-|nvapi-|pplx-|csk-|fw_|tgp_v1_|ek_)[A-Za-z0-9_*-]{16,}|\bAIza[A-Za-z0-9_-]{10,}"
    r"|\b(?:org-|proj_|user-|acct_)[A-Za-z0-9]{16,}|\b[Bb]earer\s+[A-Za-z0-9_.~+/*-]{8,}"
)
_SECRET_BYTES = re.compile(_SECRET.pattern.encode())
_ADDRESS = re.compile(r"https?://[^\s\"'<>)]+|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b")
# Codes and types that say more than the status does.
_QUOTA_CODES = frozenset(
    (
        "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "exceeded_current_quota_error",
        "insufficient_balance", "insufficient_user_quota", "Arrearage", "AccountOverdueError", "1113", "30001", "1008",
        "pre_consume_token_quota_failed", "insufficient_credits",
    )
)  # fmt: skip
_AUTH_CODES = frozenset(("invalid_api_key", "API_KEY_INVALID", "InvalidApiKey", "invalid_authentication_error", "1004", "2049"))
_MODEL_CODES = frozenset(("model_not_found", "DeploymentNotFound", "ModelNotFound", "InvalidEndpointOrModel.NotFound"))
_CONTENT_CODES = frozenset(
    (
        "content_policy_violation",
        "content_filter",
        "moderation_blocked",
        "data_inspection_failed",
        "DataInspectionFailed",
        "1301",
    )
)
_OVERLOAD = re.compile(r"overloaded|engine_overloaded|capacity exceeded|no capacity", re.IGNORECASE)
_QUOTA_TEXT = re.compile(
    r"insufficient[ _](?:account )?(?:balance|quota|credit|fund)|credit balance is too low"
    r"|out of credits|used all available credits"
    r"|余额不足|欠费|good standing|arrear",
    re.IGNORECASE,
)
_AUTH_TEXT = re.compile(
    r"(?:invalid|incorrect|not valid|missing)[^.]{0,20}api[ _-]?key|api[ _-]?key[^.]{0,20}(?:invalid|not valid)", re.IGNORECASE
)
_MODEL_TEXT = re.compile(r"model[^.]{0,80}(?:not exist|not found)", re.IGNORECASE)
_BY_STATUS: Mapping[int, Kind] = {
    401: Kind.VENDOR_AUTH,
    402: Kind.VENDOR_QUOTA,
    403: Kind.VENDOR_AUTH,
    404: Kind.VENDOR_NOT_FOUND,
    405: Kind.VENDOR_ERROR,  # the channel's address is wrong
    408: Kind.VENDOR_ERROR,
    409: Kind.VENDOR_ERROR,
    424: Kind.VENDOR_ERROR,
    425: Kind.VENDOR_ERROR,
    429: Kind.VENDOR_RATE_LIMIT,
    498: Kind.VENDOR_OVERLOADED,  # groq: flex tier capacity exceeded
    499: Kind.VENDOR_ERROR,
    503: Kind.VENDOR_OVERLOADED,
    529: Kind.VENDOR_OVERLOADED,
}
_QUIET = frozenset((Kind.VENDOR_AUTH, Kind.VENDOR_QUOTA))
"""Kinds whose vendor text is about our account there, and no business of the client's."""


class Said(msgspec.Struct, frozen=True):
    """What a vendor's error says, read from any of its shapes."""

    message: str = ""
    labels: frozenset[str] = frozenset()
    """Its code, type, status and reason, as strings."""
    status: int | None = None
    """An HTTP status named inside the error."""
    retry: float | None = None
    """Seconds, where the body says it (Google's RetryInfo)."""


def read_error(value: Any) -> Said:
    """An error object, or a whole body that may hold one."""
    if isinstance(value, list) and value:  # Google wraps it in an array
        value = value[0]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, str):
        return Said(value)
    if not isinstance(value, dict):
        return Said()
    fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    if fields.get("error"):
        return read_error(fields["error"])
    if isinstance(fields.get("base_resp"), dict):  # minimax
        inner: dict[str, Any] = fields["base_resp"]
        fields = {"message": inner.get("status_msg"), "code": inner.get("status_code")}
    message = next((fields[key] for key in ("message", "detail", "msg", "error_msg") if isinstance(fields.get(key), str)), "")
    labels = {str(fields[key]) for key in ("code", "type", "status") if isinstance(fields.get(key), (str, int))}
    retry: float | None = None
    for detail in _objects(fields.get("details")):
        labels.add(str(detail.get("reason", "")))
        retry = _seconds(str(detail.get("retryDelay", "")).removesuffix("s")) or retry
    metadata = fields.get("metadata")
    if isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata):
        labels.add("content_filter")  # openrouter's moderation
    named = next((fields[key] for key in ("status_code", "code", "status") if _is_status(fields.get(key))), None)
    return Said(message, frozenset(labels - {""}), int(named) if named is not None else None, retry)


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]  # pyright: ignore[reportUnknownVariableType]


def _is_status(value: Any) -> bool:
    digits = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return len(digits) == 3 and digits.isdigit() and "400" <= digits < "600"


def kind_for(status: int, said: Said) -> Kind:
    """Which of our kinds a vendor's refusal is."""
    kind = _BY_STATUS.get(status) or (Kind.VENDOR_ERROR if status >= 500 else Kind.VENDOR_REFUSED)
    if status >= 500:
        return kind
    if said.labels & _CONTENT_CODES and status in (400, 403):
        return Kind.VENDOR_REFUSED
    if said.labels & _QUOTA_CODES or (status != 429 and _QUOTA_TEXT.search(said.message)):
        return Kind.VENDOR_QUOTA
    if status == 429 and (any(map(_OVERLOAD.search, said.labels)) or _OVERLOAD.search(said.message)):
        return Kind.VENDOR_OVERLOADED
    if kind is Kind.VENDOR_REFUSED:
        return _why_refused(said)
    return kind


def _why_refused(said: Said) -> Kind:
    """Some vendors answer 400 to what is not the client's doing."""
    if said.labels & _AUTH_CODES or _AUTH_TEXT.search(said.message):
        return Kind.VENDOR_AUTH
    if said.labels & _MODEL_CODES or _MODEL_TEXT.search(said.message):
        return Kind.VENDOR_NOT_FOUND
    return Kind.VENDOR_REFUSED


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
    return _fault(kind_for(status, said), said, answer, wait(found, said))


def inside(error: Any, body: bytes) -> Fault:
    """An error inside a 200, as the status it names, or as a lie. `body` is what to forward if it is a refusal."""
    said = read_error(error)
    kind = Kind.VENDOR_LIED if said.status is None or said.status >= 500 else kind_for(said.status, said)
    if said.status is None and said.labels & _QUOTA_CODES:
        kind = Kind.VENDOR_QUOTA
    return _fault(kind, said, VendorAnswer(said.status or 502, _JSON, scrub_bytes(body)), said.retry)


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


def _fault(kind: Kind, said: Said, answer: VendorAnswer, retry_after: float | None) -> Fault:
    fault = Fault(kind, retry_after=retry_after, vendor=answer)
    text = _SECRET.sub("[redacted]", said.message).strip()
    if text and fault.row.forward:
        fault.message = text
    elif text and kind not in _QUIET:
        fault.message = f"{fault.row.message} It said: {scrub(text)}"
    return fault


def wait(headers: Mapping[bytes, bytes], said: Said) -> float | None:
    """Seconds to wait, from `retry-after-ms`, `retry-after` (seconds, or a date against `date`) or the body."""
    if (milliseconds := _seconds(headers.get(b"retry-after-ms", b"").decode("latin-1"))) is not None:
        return milliseconds / 1000
    text = headers.get(b"retry-after", b"").decode("latin-1")
    if (seconds := _seconds(text)) is not None:
        return seconds
    until, now = parsedate_tz(text), parsedate_tz(headers.get(b"date", b"").decode("latin-1"))
    if until and now:
        return min(max(0.0, float(mktime_tz(until) - mktime_tz(now))), _MAX_WAIT)
    return said.retry


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return min(max(0.0, value), _MAX_WAIT) if math.isfinite(value) else None


def scrub(text: str) -> str:
    """A vendor's message without keys, organisation ids and addresses."""
    return _ADDRESS.sub("[address]", _SECRET.sub("[redacted]", text))


def scrub_bytes(data: bytes) -> bytes:
    """A vendor's body without keys and organisation ids; otherwise the same bytes."""
    return _SECRET_BYTES.sub(b"[redacted]", data)


def error_object(fault: Fault) -> dict[str, Any]:
    """A fault as OpenAI's error object."""
    return {"error": {"message": fault.message, "type": fault.row.type, "param": fault.param, "code": fault.code}}


def render(fault: Fault) -> Rendered:
    """A fault before the first byte; a vendor's refusal goes out as it came."""
    headers = [(b"x-should-retry", b"true" if fault.row.retry else b"false"), *fault.headers]
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(math.ceil(fault.retry_after)).encode()))
        headers.append((b"retry-after-ms", str(math.ceil(fault.retry_after * 1000)).encode()))
    if fault.row.forward and fault.vendor is not None:
        return Rendered(fault.vendor.status, ((b"content-type", fault.vendor.content_type), *headers), fault.vendor.body)
    return Rendered(fault.status, ((b"content-type", _JSON), *headers), json.encode(error_object(fault)))


def render_late(fault: Fault) -> bytes:
    """A fault in mid-stream: openai-python raises on a chunk with `error`, and no [DONE] follows one (openai/_streaming.py)."""
    return b"data: " + json.encode(error_object(fault)) + b"\n\n"

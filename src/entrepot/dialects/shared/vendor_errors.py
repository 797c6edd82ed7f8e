"""What a vendor's error says, whatever its shape, and which of our kinds it is; and texts without its secrets.

Read here are OpenAI's and Anthropic's `{"error": {"message", "type", "param", "code"}}` and what others make of it: parts left
out, numbers for codes, shapes of their own (`detail`, `base_resp`, `message` at the top). How a fault is told to a
client is each dialect's own.
"""

import math
import re
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any

import msgspec

from entrepot.core.faults import Fault, Kind, VendorAnswer

_MAX_WAIT = 86_400.0
_SECRET = re.compile(
    r"\bsk-[A-Za-z0-9_*-]{6,}|\b(?:gsk_|xai-|nvapi-|pplx-|csk-|fw_|tgp_v1_|ek_)[A-Za-z0-9_*-]{16,}|\bAIza[A-Za-z0-9_-]{10,}"
    r"|\borg(?:ani[sz]ation)?\W{1,3}[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\b(?:org-|proj_|user-|acct_)[A-Za-z0-9]{16,}|\b[Bb]earer\s+[A-Za-z0-9_.~+/*-]{8,}"
)
_SECRET_BYTES = re.compile(_SECRET.pattern.encode())
_ADDRESS = re.compile(r"https?://[^\s\"'<>)]+|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b")
# Codes and types that say more than the status does.
_QUOTA_CODES = frozenset(
    (
        "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "exceeded_current_quota_error",
        "insufficient_balance", "insufficient_user_quota", "Arrearage", "AccountOverdueError", "1113", "30001", "1008",
        "pre_consume_token_quota_failed", "insufficient_credits", "billing_error", "enforced_spend_limit_reached",
        "contract_spend_limit_reached", "linked_organization_spend_limit_reached",
    )
)  # fmt: skip
_AUTH_CODES = frozenset(
    (
        "invalid_api_key",
        "API_KEY_INVALID",
        "InvalidApiKey",
        "invalid_authentication_error",
        "organization_on_hold",
        "1004",
        "2049",
    )
)
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
    r"|specified (?:workspace )?API usage limits"
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
    details: Any = fields.get("details")
    if isinstance(details, dict) and "error_code" in details:  # anthropic
        labels.add(str(details["error_code"]))  # pyright: ignore[reportUnknownArgumentType]
    for detail in _objects(details):
        labels.add(str(detail.get("reason", "")))
        retry = _seconds(str(detail.get("retryDelay", "")).removesuffix("s")) or retry
    metadata = fields.get("metadata")
    if isinstance(metadata, dict) and ("flagged_input" in metadata or "reasons" in metadata):
        labels.add("content_filter")  # openrouter's moderation
    named = next((fields[key] for key in ("status_code", "code", "status") if _is_status(fields.get(key))), None)
    return Said(message, frozenset(labels - {""}), int(named) if named is not None else None, retry)


def is_quota(said: Said) -> bool:
    """Does it say that our account there is used up?"""
    return bool(said.labels & _QUOTA_CODES)


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
    if is_quota(said) or (status != 429 and _QUOTA_TEXT.search(said.message)):
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


def fault_of(kind: Kind, said: Said, answer: VendorAnswer, retry_after: float | None) -> Fault:
    """The fault of a kind, with what the vendor said of it, scrubbed; its words about our account there stay here."""
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

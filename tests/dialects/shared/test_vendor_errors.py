"""What vendors' errors say, in their shapes."""

from typing import Any

import pytest

from entrepot.core.faults import Kind
from entrepot.dialects.shared import vendor_errors as faults


def test_ordinary_words_are_not_secrets() -> None:
    text = "user-agent, task-oriented, risk-free, key_not_found, model gpt-4o-mini in project my-project; disk-sk-1"
    assert faults.scrub(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "This request would exceed the rate limit of your organization (36562039-1ae4-48e6-ae28-1e517e3d2d12).",
        "org: 36562039-1ae4-48e6-ae28-1e517e3d2d12, model: claude",
        "key sk-ant-api03-AbCdEf",
    ],
)
def test_who_we_are_at_anthropic_is_not_told(text: str) -> None:
    assert "36562039" not in faults.scrub(text)
    assert "AbCdEf" not in faults.scrub(text)
    assert faults.scrub_bytes(text.encode()) == faults.scrub(text).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"type": "invalid_request_error", "message": "max_tokens: Field required"}, Kind.VENDOR_REFUSED),
        (400, {"type": "invalid_request_error", "message": "prompt is too long: 208310 tokens > 200000"}, Kind.VENDOR_REFUSED),
        (
            400,
            {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."},
            Kind.VENDOR_QUOTA,
        ),
        (
            400,
            {"type": "invalid_request_error", "message": "You have reached your specified API usage limits. You will regain"},
            Kind.VENDOR_QUOTA,
        ),
        (400, {"message": "no", "details": {"error_code": "organization_on_hold"}}, Kind.VENDOR_AUTH),
        (401, {"type": "authentication_error", "message": "invalid x-api-key"}, Kind.VENDOR_AUTH),
        (402, {"type": "billing_error", "message": "pay"}, Kind.VENDOR_QUOTA),
        (403, {"type": "permission_error", "message": "no"}, Kind.VENDOR_AUTH),
        (404, {"type": "not_found_error", "message": "model: claude-x"}, Kind.VENDOR_NOT_FOUND),
        (413, {"type": "request_too_large", "message": "too large"}, Kind.VENDOR_REFUSED),
        (429, {"type": "rate_limit_error", "message": "slow down"}, Kind.VENDOR_RATE_LIMIT),
        (429, {"message": "no", "details": {"error_code": "enforced_spend_limit_reached"}}, Kind.VENDOR_QUOTA),
        (500, {"type": "api_error", "message": "Internal server error"}, Kind.VENDOR_ERROR),
        (504, {"type": "timeout_error", "message": "late"}, Kind.VENDOR_ERROR),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, Kind.VENDOR_OVERLOADED),
    ],
)
def test_anthropics_errors(status: int, body: dict[str, Any], kind: Kind) -> None:
    assert faults.kind_for(status, faults.read_error({"type": "error", "error": body})) is kind

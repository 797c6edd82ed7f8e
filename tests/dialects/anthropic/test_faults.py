"""Vendors' refusals as faults, and faults in Anthropic's words."""

import json
from typing import Any

import pytest

from entrepot.access.standing import Left
from entrepot.core.faults import TABLE, Fault, Kind, VendorAnswer
from entrepot.dialects.anthropic import faults
from tests.dialects.anthropic.recordings import FILES, recordings
from tests.shared import requires_shared

JSON = ((b"content-type", b"application/json"),)
DOCUMENTED = {400, 401, 402, 403, 404, 405, 408, 409, 413, 429, 431, 499, 500, 504, 529}


def error(kind: str, message: str = "No.") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


def test_a_refusal_is_forwarded_as_it_came() -> None:
    body = error("invalid_request_error", "max_tokens: Field required")
    fault = faults.refusal(400, JSON, body)
    assert (fault.kind, fault.message) == (Kind.VENDOR_REFUSED, "max_tokens: Field required")
    rendered = faults.render(fault)
    assert (rendered.status, rendered.body) == (400, body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}',
        b'{"detail":"too long"}',
    ],
)
def test_a_refusal_in_another_shape_is_worded_anew(body: bytes) -> None:
    rendered = faults.render(faults.refusal(413, JSON, body))
    assert rendered.status == 413
    assert json.loads(rendered.body) == {"type": "error", "error": {"type": "request_too_large", "message": "too long"}}


def test_a_page_of_html_is_not_forwarded_but_its_status_is() -> None:
    rendered = faults.render(faults.refusal(400, ((b"content-type", b"text/html"),), b"<html>nginx</html>"))
    assert rendered.status == 400
    assert "400" in json.loads(rendered.body)["error"]["message"]


@pytest.mark.parametrize(
    ("status", "kind"), [(529, Kind.VENDOR_OVERLOADED), (500, Kind.VENDOR_ERROR), (429, Kind.VENDOR_RATE_LIMIT)]
)
def test_what_another_channel_may_mend(status: int, kind: Kind) -> None:
    fault = faults.refusal(status, ((b"retry-after", b"7"),), error("x"))
    assert (fault.kind, fault.retry_after) == (kind, 7)
    assert fault.row.elsewhere


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Kind.VENDOR_OVERLOADED),
        ("rate_limit_error", Kind.VENDOR_RATE_LIMIT),
        ("invalid_request_error", Kind.VENDOR_REFUSED),
        ("not_found_error", Kind.VENDOR_NOT_FOUND),
        ("authentication_error", Kind.VENDOR_AUTH),
        ("billing_error", Kind.VENDOR_QUOTA),
        ("api_error", Kind.VENDOR_LIED),
        ("timeout_error", Kind.VENDOR_LIED),
        ("something_new", Kind.VENDOR_LIED),
    ],
)
def test_errors_inside_a_200(kind: str, expected: Kind) -> None:
    fault = faults.inside({"type": kind, "message": "No."}, error(kind))
    assert fault.kind is expected
    if fault.row.forward:
        assert faults.render(fault).status == {"invalid_request_error": 400, "not_found_error": 404}[kind]


def test_a_quota_inside_a_200() -> None:
    assert faults.inside({"message": "no", "code": "insufficient_quota"}, b"{}").kind is Kind.VENDOR_QUOTA


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_renders_with_a_documented_status(kind: Kind) -> None:
    rendered = faults.render(Fault(kind), "req_7")
    body = json.loads(rendered.body)
    assert body["type"] == "error"
    assert body["request_id"] == "req_7"
    assert body["error"]["message"] == TABLE[kind].message
    assert body["error"]["details"] == {"error_code": TABLE[kind].code}
    assert rendered.status in DOCUMENTED
    assert body["error"]["type"] == faults.words(rendered.status)[1]
    late = faults.render_late(Fault(kind))
    assert late.startswith(b'event: error\ndata: {"type":"error","error":{"type":')
    assert late.endswith(b"}\n\n")


@pytest.mark.parametrize(
    ("kind", "status", "name"),
    [
        (Kind.INVALID_KEY, 401, "authentication_error"),
        (Kind.INSUFFICIENT_QUOTA, 402, "billing_error"),
        (Kind.MODEL_NOT_ALLOWED, 403, "permission_error"),
        (Kind.UNKNOWN_MODEL, 404, "not_found_error"),
        (Kind.BODY_TOO_LARGE, 413, "request_too_large"),
        (Kind.RATE_LIMITED, 429, "rate_limit_error"),
        (Kind.VENDOR_RESET, 500, "api_error"),
        (Kind.VENDOR_SILENT, 504, "timeout_error"),
        (Kind.VENDOR_OVERLOADED, 529, "overloaded_error"),
        (Kind.DRAINING, 529, "overloaded_error"),
        (Kind.NOT_PRICED, 500, "api_error"),
    ],
)
def test_the_words_of_some(kind: Kind, status: int, name: str) -> None:
    rendered = faults.render(Fault(kind))
    assert (rendered.status, json.loads(rendered.body)["error"]["type"]) == (status, name)


def test_when_to_come_back() -> None:
    headers = dict(faults.render(Fault(Kind.RATE_LIMITED, retry_after=1.2)).headers)
    assert headers == {
        b"content-type": b"application/json",
        b"x-should-retry": b"true",
        b"retry-after": b"2",
        b"retry-after-ms": b"1200",
    }


def test_the_vendor_is_not_quoted_with_its_answer_where_it_is_not_forwarded() -> None:
    fault = Fault(Kind.VENDOR_ERROR, vendor=VendorAnswer(500, b"text/plain", b"internals"))
    assert b"internals" not in faults.render(fault).body


@requires_shared
def test_recorded_refusals() -> None:
    found: list[Any] = [item for name in FILES for item in recordings(name) if item.status >= 400]
    assert found
    for recording in found:
        fault = faults.refusal(recording.status, JSON, recording.body)
        assert fault.kind is Kind.VENDOR_NOT_FOUND
        assert faults.render(fault).body == recording.body


def test_a_fault_of_our_limits_says_how_near_they_are() -> None:
    standing = (Left("requests", 60, 0, 8.64, 1_800_000_000.0), Left("tokens", 1000, 700, 60.0, 1_800_000_000.0))
    rendered = faults.render(Fault(Kind.RATE_LIMITED, retry_after=1.5, standing=standing))
    assert (rendered.status, json.loads(rendered.body)["error"]["type"]) == (429, "rate_limit_error")
    assert set(rendered.headers) >= {
        (b"anthropic-ratelimit-requests-limit", b"60"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"anthropic-ratelimit-requests-reset", b"2027-01-15T08:00:09Z"),
        (b"anthropic-ratelimit-tokens-limit", b"1000"),
        (b"anthropic-ratelimit-tokens-remaining", b"700"),
        (b"anthropic-ratelimit-tokens-reset", b"2027-01-15T08:01:00Z"),
        (b"retry-after", b"2"),
        (b"x-should-retry", b"true"),
    }
    assert faults.limits(()) == ()

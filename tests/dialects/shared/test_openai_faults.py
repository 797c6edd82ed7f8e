"""Vendors' refusals as faults, and faults in OpenAI's words."""

import json
from typing import Any

import pytest

from entrepot.access.standing import Left
from entrepot.core.faults import TABLE, Fault, Kind, VendorAnswer
from entrepot.dialects.shared import openai_faults as faults
from tests.dialects.recordings import FILES, recordings
from tests.shared import requires_shared


def refused(status: int, error: Any = None, headers: dict[str, str] | None = None) -> Fault:
    body = json.dumps({"error": error} if error is not None else {}).encode()
    pairs = tuple((name.encode(), value.encode()) for name, value in (headers or {}).items())
    return faults.refusal(status, ((b"content-type", b"application/json"), *pairs), body)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "Invalid 'temperature'", "type": "invalid_request_error"}, Kind.VENDOR_REFUSED),
        (
            400,
            {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"},
            Kind.VENDOR_AUTH,
        ),
        (400, {"message": "x", "details": [{"reason": "API_KEY_INVALID"}]}, Kind.VENDOR_AUTH),
        (400, {"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}, Kind.VENDOR_QUOTA),
        (400, {"message": "Your credit balance is too low to access the API"}, Kind.VENDOR_QUOTA),
        (400, {"message": "Model Not Exist", "type": "invalid_request_error"}, Kind.VENDOR_NOT_FOUND),
        (400, {"message": "data inspection failed", "code": "data_inspection_failed"}, Kind.VENDOR_REFUSED),
        (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}, Kind.VENDOR_AUTH),
        (402, {"message": "Insufficient Balance"}, Kind.VENDOR_QUOTA),
        (403, {"message": "no"}, Kind.VENDOR_AUTH),
        (
            403,
            {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"], "flagged_input": "…"}},
            Kind.VENDOR_REFUSED,
        ),
        (403, {"message": "The account is overdue", "code": "AccountOverdueError"}, Kind.VENDOR_QUOTA),
        (404, {"message": "The model `x` does not exist", "code": "model_not_found"}, Kind.VENDOR_NOT_FOUND),
        (405, None, Kind.VENDOR_ERROR),
        (408, None, Kind.VENDOR_ERROR),
        (409, None, Kind.VENDOR_ERROR),
        (413, None, Kind.VENDOR_REFUSED),
        (422, {"message": {"detail": []}}, Kind.VENDOR_REFUSED),
        (429, {"message": "Rate limit reached", "code": "rate_limit_exceeded"}, Kind.VENDOR_RATE_LIMIT),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}, Kind.VENDOR_QUOTA),
        (429, {"message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}, Kind.VENDOR_RATE_LIMIT),
        (429, {"message": "余额不足或无可用资源包,请充值。", "code": "1113"}, Kind.VENDOR_QUOTA),
        (429, {"message": "The engine is currently overloaded", "type": "engine_overloaded_error"}, Kind.VENDOR_OVERLOADED),
        (498, None, Kind.VENDOR_OVERLOADED),
        (500, {"message": "insufficient_quota"}, Kind.VENDOR_ERROR),
        (502, None, Kind.VENDOR_ERROR),
        (503, None, Kind.VENDOR_OVERLOADED),
        (529, None, Kind.VENDOR_OVERLOADED),
    ],
)
def test_kinds(status: int, error: Any, kind: Kind) -> None:
    assert refused(status, error).kind is kind


def test_a_refusal_is_forwarded_as_it_came() -> None:
    body = b'{ "error" : {"message":"bad","type":"invalid_request_error","param":"x","code":null}}'
    rendered = faults.render(faults.refusal(422, ((b"content-type", b"application/json; charset=utf-8"),), body))
    assert (rendered.status, rendered.body) == (422, body)
    assert dict(rendered.headers) == {b"content-type": b"application/json; charset=utf-8", b"x-should-retry": b"false"}


def test_a_page_of_html_is_no_trouble() -> None:
    fault = faults.refusal(502, ((b"content-type", b"text/html"),), b"<html>Bad Gateway</html>")
    assert (fault.kind, fault.message) == (Kind.VENDOR_ERROR, TABLE[Kind.VENDOR_ERROR].message)


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_page_of_html_is_not_forwarded_but_its_status_is(status: int) -> None:
    rendered = faults.render(faults.refusal(status, ((b"content-type", b"text/html"),), b"<html>nginx</html>"))
    assert rendered.status == status
    assert dict(rendered.headers)[b"content-type"] == b"application/json"
    assert str(status) in json.loads(rendered.body)["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "-4"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e30"}, 86_400),
        ({}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    assert refused(429, {"message": "slow down"}, headers).retry_after == seconds


def test_googles_retry_delay() -> None:
    assert refused(429, {"message": "x", "details": [{"@type": "RetryInfo", "retryDelay": "13.5s"}]}).retry_after == 13.5


def test_messages_are_scrubbed() -> None:
    fault = refused(
        429,
        {
            "message": "Rate limit reached for gpt-4o in organization org-AbCdEfGhIjKlMnOpQrStUvWx (key sk-proj-abc123DEF456), "
            "see https://platform.openai.com/account/rate-limits or 10.1.2.3:8080. Limit: 500 / min."
        },
    )
    for secret in ("org-AbC", "sk-proj", "platform.openai.com", "10.1.2.3"):
        assert secret not in fault.message
    assert "Limit: 500 / min." in fault.message
    assert fault.vendor is not None
    assert b"org-AbC" not in fault.vendor.body


@pytest.mark.parametrize("status", [401, 402])
def test_what_concerns_our_account_is_not_told(status: int) -> None:
    fault = refused(status, {"message": "The account of ACME Ltd. is suspended"})
    assert "ACME" not in fault.message
    assert faults.render(fault).status == 502


def test_our_own_shape() -> None:
    fault = Fault(Kind.VENDOR_RATE_LIMIT, "Slow down.", retry_after=1.2, param=None)
    rendered = faults.render(fault)
    headers = dict(rendered.headers)
    assert rendered.status == 429
    assert json.loads(rendered.body) == {
        "error": {"message": "Slow down.", "type": "upstream_error", "param": None, "code": "upstream_rate_limit"}
    }
    assert headers == {
        b"content-type": b"application/json",
        b"x-should-retry": b"true",
        b"retry-after": b"2",
        b"retry-after-ms": b"1200",
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_renders(kind: Kind) -> None:
    rendered = faults.render(Fault(kind))
    assert rendered.status == TABLE[kind].status
    assert json.loads(rendered.body)["error"]["message"]
    late = faults.render_late(Fault(kind))
    assert late.startswith(b'data: {"error":{"message":')
    assert late.endswith(b"}}\n\n")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "tool call failed", "code": "tool_use_failed", "status_code": 400}, Kind.VENDOR_REFUSED),
        ({"message": "slow down", "code": 429}, Kind.VENDOR_RATE_LIMIT),
        ({"message": "bad key", "code": "401"}, Kind.VENDOR_AUTH),
        ({"message": "oops", "code": 502}, Kind.VENDOR_LIED),
        ({"message": "oops"}, Kind.VENDOR_LIED),
        ("oops", Kind.VENDOR_LIED),
        ({"message": "", "code": "insufficient_quota"}, Kind.VENDOR_QUOTA),
    ],
)
def test_errors_inside_a_200(error: Any, kind: Kind) -> None:
    assert faults.inside(error, b"{}").kind is kind


def test_an_error_inside_a_200_that_names_its_status_is_forwarded_under_it() -> None:
    fault = faults.inside({"message": "tool call failed", "status_code": 400}, b'{"error":{"message":"tool call failed"}}')
    rendered = faults.render(fault)
    assert (rendered.status, rendered.body) == (400, b'{"error":{"message":"tool call failed"}}')


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, Kind.VENDOR_LIED),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, Kind.VENDOR_QUOTA),
        ({"base_resp": {"status_code": 0, "status_msg": "success"}}, None),
        ({"object": "error", "message": "boom", "type": "internal", "code": 50001}, Kind.VENDOR_LIED),
        ({"detail": "not found"}, Kind.VENDOR_LIED),
        ({"id": "x", "prompt_filter_results": []}, None),
        ({"type": "ping"}, None),
        ([1], None),
    ],
)
def test_errors_without_an_error_member(payload: Any, kind: Kind | None) -> None:
    fault = faults.disguised(json.dumps(payload).encode())
    assert (fault.kind if fault else None) is kind


def test_the_vendor_is_not_quoted_with_its_answer_where_it_is_not_forwarded() -> None:
    fault = Fault(Kind.VENDOR_ERROR, vendor=VendorAnswer(500, b"text/plain", b"internals"))
    assert b"internals" not in faults.render(fault).body


@requires_shared
def test_recorded_refusals() -> None:
    kinds: dict[int, set[Kind]] = {}
    for name in FILES:
        for recording in recordings(name):
            if recording.status >= 400:
                fault = faults.refusal(recording.status, ((b"content-type", b"application/json"),), recording.body)
                kinds.setdefault(recording.status, set()).add(fault.kind)
                if fault.row.forward:
                    assert faults.render(fault).body == recording.body
                    assert json.loads(recording.body).get("detail") or fault.message in recording.body.decode().replace(
                        '\\"', '"'
                    )
    assert kinds == {
        400: {Kind.VENDOR_REFUSED},
        401: {Kind.VENDOR_AUTH},
        404: {Kind.VENDOR_NOT_FOUND},
        429: {Kind.VENDOR_RATE_LIMIT},
    }


def test_a_fault_of_our_limits_says_how_near_they_are() -> None:
    standing = (Left("requests", 60, 0, 8.64, 1_800_000_000.0), Left("tokens", 1000, 700, 60.0, 1_800_000_000.0))
    rendered = faults.render(Fault(Kind.RATE_LIMITED, retry_after=1.5, standing=standing))
    assert rendered.status == 429
    assert set(rendered.headers) >= {
        (b"x-ratelimit-limit-requests", b"60"),
        (b"x-ratelimit-remaining-requests", b"0"),
        (b"x-ratelimit-reset-requests", b"8.64s"),
        (b"x-ratelimit-limit-tokens", b"1000"),
        (b"x-ratelimit-remaining-tokens", b"700"),
        (b"x-ratelimit-reset-tokens", b"1m0s"),
        (b"retry-after", b"2"),
        (b"x-should-retry", b"true"),
    }
    assert faults.limits(()) == ()

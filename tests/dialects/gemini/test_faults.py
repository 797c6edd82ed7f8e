"""Errors in Gemini's words."""

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.gemini import faults
from entrepot.kit import json


def test_a_bad_key_is_the_channels_and_a_quota_says_how_long() -> None:
    details = [{"reason": "API_KEY_INVALID"}]
    body = json.encode(
        {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}}
    )
    assert faults.refusal(400, (), body).kind is Kind.VENDOR_AUTH
    wait = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]
    body = json.encode({"error": {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": wait}})
    fault = faults.refusal(429, (), body)
    assert (fault.kind, fault.retry_after) == (Kind.VENDOR_RATE_LIMIT, 7.0)


def test_ours_are_told_as_googles_sdk_reads_them() -> None:
    rendered = faults.render(Fault(Kind.RATE_LIMITED, retry_after=2.5))
    error = json.decode(rendered.body)["error"]
    assert (rendered.status, error["code"], error["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    assert {"retryDelay": "3s"}.items() <= error["details"][1].items()
    assert faults.render(Fault(Kind.UNKNOWN_MODEL)).status == 404
    assert faults.render_late(Fault(Kind.VENDOR_STALLED)).startswith(b'data: {"error":')


def test_a_refusal_without_words_is_worded() -> None:
    fault = faults.refusal(418, (), b"<html>")
    assert fault.vendor is not None
    assert json.decode(fault.vendor.body)["error"]["code"] == 418
    assert faults.inside({"code": 503, "message": "x"}, b"{}").kind is Kind.VENDOR_OVERLOADED

"""Errors in either dialect, ids that are new each time."""

from entrepot.kit import json
from entrepot.sandbox.answers import refusal, stamp, unknown_model
from entrepot.sandbox.tongues import ANTHROPIC


def test_an_error_has_all_members() -> None:
    answer = refusal(400, "No.", "n", "bad").answer()
    assert answer.status == 400
    assert json.decode(answer.body) == {
        "error": {"message": "No.", "type": "invalid_request_error", "param": "n", "code": "bad"}
    }


def test_an_unknown_model_is_a_404() -> None:
    answer = unknown_model("gpt-9").answer()
    assert answer.status == 404
    assert json.decode(answer.body)["error"]["code"] == "model_not_found"


def test_stamps_differ_in_id_only() -> None:
    one, two = stamp("chatcmpl-", 12.9), stamp("chatcmpl-", 12.9)
    assert one.id != two.id
    assert one.id.startswith("chatcmpl-")
    assert one.created == two.created == 12


def test_the_same_error_in_the_other_dialect() -> None:
    answer = unknown_model("claude-9").answer(ANTHROPIC)
    error = json.decode(answer.body)
    assert (answer.status, error["type"], error["error"]["type"]) == (404, "error", "not_found_error")

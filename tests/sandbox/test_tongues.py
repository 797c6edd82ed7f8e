"""What differs by dialect."""

import pytest

from entrepot.kit import json, sse
from entrepot.sandbox.tongues import ANTHROPIC, OPENAI, Problem


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropics_types_follow_from_the_status(status: int, kind: str) -> None:
    assert json.decode(ANTHROPIC.error(Problem(status, "No."))) == {"type": "error", "error": {"type": kind, "message": "No."}}


def test_openais_error() -> None:
    problem = Problem(400, "No.", "odd", "n", "bad")
    assert json.decode(OPENAI.error(problem)) == {"error": {"message": "No.", "type": "odd", "param": "n", "code": "bad"}}


def test_errors_in_a_stream_are_events() -> None:
    problem = Problem(500, "No.")
    assert sse.read(OPENAI.error_event(problem)).name is None
    assert sse.read(ANTHROPIC.error_event(problem)).name == b"error"


@pytest.mark.parametrize(("tongue", "name"), [(OPENAI, b"x-request-id"), (ANTHROPIC, b"request-id")])
def test_each_answer_has_an_id_of_its_own(tongue: object, name: bytes) -> None:
    one, two = (dict(tongue.headers())[name] for _ in range(2))  # type: ignore[attr-defined]
    assert one != two
    assert one.startswith(b"req_")

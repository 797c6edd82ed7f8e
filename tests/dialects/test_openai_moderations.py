"""Moderations: a default model, and no usage."""

import json

import pytest

from entrepot.core.dialect import Changes, Tapping
from entrepot.core.faults import Fault
from entrepot.core.usage import NOTHING
from entrepot.dialects.openai_moderations import OpenAIModerations


def test_the_default_model_is_what_the_vendor_will_run() -> None:
    dialect = OpenAIModerations()
    peek = dialect.peek(b'{"input":"x"}')
    assert peek.model == "omni-moderation-latest"
    assert json.loads(dialect.patch(peek, Changes())) == {"input": "x", "model": "omni-moderation-latest"}


def test_input_is_needed() -> None:
    with pytest.raises(Fault, match="'input'"):
        OpenAIModerations().peek(b'{"model":"m"}')


def test_results_are_the_answer_and_cost_nothing() -> None:
    tap = OpenAIModerations().tap(Tapping(stream=False))
    body = b'{"id":"modr-1","model":"m","results":[{"flagged":false}]}'
    assert tap.feed(body) + tap.end() == body
    assert tap.done
    assert tap.usage is NOTHING

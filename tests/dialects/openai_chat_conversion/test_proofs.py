"""Proofs of other vendors travel through chat completions and come back."""

from typing import Any

import pytest

from entrepot.core.ask import Proof, Thinking
from entrepot.dialects.openai_chat_conversion import proofs
from entrepot.dialects.shared.fields import Field


@pytest.mark.parametrize("dialect", ["anthropic", "openai_responses", "gemini"])
@pytest.mark.parametrize("text", ["", "hm"])
def test_reasoning_comes_back_as_it_went(dialect: str, text: str) -> None:
    detail = proofs.detail(text, Proof(dialect, "s"), 0)
    assert proofs.thoughts(Field([detail], "d")) == [Thinking(text, Proof(dialect, "s"))]


def test_what_an_unknown_vendor_wrote_returns_only_here() -> None:
    (thought,) = proofs.thoughts(Field([{"type": "reasoning.text", "text": "x", "format": "unknown"}], "d"))
    assert thought.proof is not None
    assert thought.proof.dialect == "openai_chat"


def test_signatures_of_calls_are_geminis() -> None:
    proof = Proof("gemini", "s")
    extra: dict[str, Any] = proofs.call_extra(proof)
    assert proofs.call_proof(Field(extra, "c")) == proof
    assert proofs.call_extra(Proof("anthropic", "s")) == proofs.call_extra(None) == {}
    assert proofs.call_proof(Field({}, "c")) is None

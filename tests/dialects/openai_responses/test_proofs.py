"""Reasoning travels inside `encrypted_content`."""

import pytest

from entrepot.core.ask import Proof
from entrepot.dialects.openai_responses.proofs import unwrap, wrap


@pytest.mark.parametrize("proof", [Proof("openai_responses", "gAAA"), Proof("anthropic", "a:b:c"), Proof("gemini", "")])
def test_it_comes_back_to_whoever_made_it(proof: Proof) -> None:
    assert unwrap(wrap(proof)) == proof


def test_openais_own_is_not_touched() -> None:
    assert wrap(Proof("openai_responses", "gAAA")) == "gAAA"

"""Families of Claude."""

import pytest

from entrepot.dialects.anthropic.models import family_of


@pytest.mark.parametrize(
    ("model", "thinks", "samples", "formats"),
    [
        ("claude-3-5-haiku-latest", "", True, False),
        ("claude-3-7-sonnet-20250219", "budget", True, False),
        ("claude-sonnet-4-20250514", "budget", True, False),
        ("claude-opus-4-1-20250805", "budget", True, False),
        ("claude-haiku-4-5-20251001", "budget", True, True),
        ("claude-opus-4-6", "adaptive", True, True),
        ("anthropic/claude-sonnet-4.6", "adaptive", True, True),
        ("claude-opus-4-7", "adaptive", False, True),
        ("claude-sonnet-5-5", "adaptive", False, True),
        ("deepseek-chat", "budget", True, False),
    ],
)
def test_what_a_model_takes(model: str, thinks: str, samples: bool, formats: bool) -> None:
    family = family_of(model)
    assert (family.thinks, family.samples, family.formats) == (thinks, samples, formats)

"""Families of Gemini."""

import pytest

from entrepot.dialects.gemini.models import family_of, level_of


@pytest.mark.parametrize(
    ("model", "thinks", "signed"),
    [
        ("gemini-1.5-pro", "", False),
        ("gemini-2.0-flash", "", False),
        ("gemini-2.5-flash-image", "", False),
        ("models/gemini-2.5-pro", "budget", False),
        ("gemini-3-pro-preview", "level", True),
        ("gemini-flash-latest", "level", True),
    ],
)
def test_what_a_model_takes(model: str, thinks: str, signed: bool) -> None:
    assert (family_of(model).thinks, family_of(model).signed) == (thinks, signed)


def test_levels() -> None:
    assert level_of("gemini-3-pro", "none") == "LOW"
    assert level_of("gemini-3-flash", "none") == "MINIMAL"
    assert level_of("gemini-3-flash", "max") == "HIGH"

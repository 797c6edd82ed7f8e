"""What OpenAI's reasoning models take."""

import pytest

from entrepot.core.ask import Effort
from entrepot.dialects.shared.openai_models import REASONERS, effort_of, nearest_effort
from entrepot.kit import patterns


def efforts(model: str) -> tuple[Effort, ...]:
    return next((row.efforts for row in REASONERS if patterns.matches_any(row.models, model)), ())


@pytest.mark.parametrize(
    ("model", "wanted", "given"),
    [("o3-mini", "none", "low"), ("gpt-5", "none", "minimal"), ("gpt-5.1", "xhigh", "high"), ("gpt-5.2", "max", "xhigh")],
)
def test_the_nearest_effort(model: str, wanted: Effort, given: Effort) -> None:
    assert nearest_effort(wanted, efforts(model)) == given


def test_other_models_do_not_reason() -> None:
    assert efforts("gpt-4o") == ()


@pytest.mark.parametrize(
    ("budget", "effort"), [(None, None), (-1, None), (0, "none"), (1024, "low"), (8192, "medium"), (32000, "high")]
)
def test_what_a_budget_is_worth(budget: int | None, effort: Effort | None) -> None:
    assert effort_of(budget) == effort

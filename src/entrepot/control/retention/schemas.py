"""What is said about retention."""

from entrepot.control.fields import View


class RuleView(View):
    """One rule, and what a run did or would do by it."""

    rule: str
    setting: str
    """Its name among the settings in the database."""
    days: int
    """0 keeps for ever."""
    rows: int
    """Rows that are too old: deleted by this run, or waiting for the next."""
    note: str
    """What went otherwise than planned."""
    meaning: str


class RetentionView(View):
    """All rules."""

    data: list[RuleView]

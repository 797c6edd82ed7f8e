"""What can be said about a user."""

from typing import Literal

from pydantic import Field

from entrepot.control.budgets import BudgetTable, BudgetView
from entrepot.control.fields import Label, UnlessUnlimited, View
from entrepot.control.rates import Rates


class UserUpdate(Rates):
    """Changes to a user; what is left out stays. Rate limits are for all of the user's keys together."""

    role: Literal["admin", "user"] = "user"
    group: Label = "default"
    """The group of the user's keys that name none."""
    password: str | None = Field(None, min_length=8, max_length=1024)
    """Kept as argon2id; null takes it away."""
    budget: UnlessUnlimited[BudgetTable] = BudgetTable()
    """What all of the user's keys together may spend in a period. Null lifts all of them."""
    status: Literal["enabled", "disabled"] = "enabled"
    """A disabled user's keys are refused."""


class UserCreate(UserUpdate):
    """A new user."""

    name: Label


class UserView(View):
    """A user as it stands."""

    id: int
    name: str
    role: str
    group: str
    status: str
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    budgets: list[BudgetView]
    has_password: bool
    created_at: str

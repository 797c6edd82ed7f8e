"""What can be said about a key."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from entrepot.control.budgets import BudgetTable, BudgetView
from entrepot.control.fields import Moment, Name, Names, Network, UnlessUnlimited, Usd, View
from entrepot.control.rates import Rates

Groups = Annotated[list[Name], Field(max_length=32)]


class KeyUpdate(Rates):
    """Changes to a key; what is left out stays, null lifts a limit."""

    name: Name = ""
    groups: Groups = []
    """Groups to try, in order; several make the `auto` group. Empty: the user's own group. `group` may hold one name."""
    models: Names = []
    """Model names and wildcards; empty means all."""
    ips: Annotated[list[Network], Field(max_length=1000)] = []
    """Addresses and CIDR networks that may use the key; empty means all."""
    quota: UnlessUnlimited[Usd] = None
    """What the key may spend in all, in USD; changing it keeps what was used. Null means no limit."""
    budget: UnlessUnlimited[BudgetTable] = BudgetTable()
    """What the key may spend in a period. Null lifts all of them."""
    unlimited: bool | None = None
    """True says `quota: null` in another way."""
    expires: Moment | None = None
    """RFC 3339, a span from the key's creation such as `30d`, or `never`."""
    status: Literal["enabled", "disabled"] = "enabled"

    @model_validator(mode="before")
    @classmethod
    def _one_group(cls, values: Any) -> Any:
        """`group = "vip"` and `group = ["vip", "default"]` are other words for `groups`."""
        if not isinstance(values, dict) or "group" not in values:
            return values  # pyright: ignore[reportUnknownVariableType]
        if "groups" in values:
            raise ValueError("group and groups are the same field: give one")
        fields: dict[str, Any] = dict(values)  # pyright: ignore[reportUnknownArgumentType]
        group = fields.pop("group")
        return {**fields, "groups": [group] if isinstance(group, str) else group}

    @model_validator(mode="after")
    def _quota_or_unlimited(self) -> Self:
        if self.unlimited and self.quota is not None:
            raise ValueError("quota and unlimited = true exclude each other")
        return self


class KeyCreate(KeyUpdate):
    """A new key."""

    user: Name | None = None
    """Whose key; the installation's own account where left out."""
    secret: Annotated[str, Field(min_length=8, max_length=512, pattern=r"^[\x21-\x7e]+$")] | None = None
    """A secret to take over, such as an imported one; minted where left out."""


class KeyView(View):
    """A key, without its secret."""

    id: int
    name: str
    user: str
    hint: str
    """Enough of the secret to tell it from its neighbours."""
    groups: list[str]
    models: list[str]
    ips: list[str]
    quota: str | None
    """USD; null means no limit."""
    used: str | None
    """USD of the quota that were spent; null without a quota."""
    remaining: str | None
    """USD of the quota that are left; null without a quota."""
    budgets: list[BudgetView]
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    expires_at: str | None
    status: str
    created_at: str


class KeyMinted(KeyView):
    """A fresh key. The secret is shown this once."""

    secret: str

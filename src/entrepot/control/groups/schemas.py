"""What can be said about a group."""

from entrepot.control.fields import Label, Ratio, Text, View
from entrepot.control.rates import Rates


class GroupUpdate(Rates):
    """Changes to a group; what is left out stays. Rate limits are for all calls that the group serves, together."""

    ratio: Ratio = "1"
    """Price multiplier (分组倍率)."""
    description: Text = ""
    public: bool = True
    """May users see and choose it?"""


class GroupCreate(GroupUpdate):
    """A new group."""

    name: Label


class GroupView(View):
    """A group as it stands."""

    id: int
    name: str
    ratio: str
    description: str
    public: bool
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    created_at: str

"""What can be said about a group."""

from typing import Literal, TypeAlias

from entrepot.control.fields import Label, Ratio, Stickiness, Text, View
from entrepot.control.rates import Rates
from entrepot.core.route import Disconnect

GroupDisconnect: TypeAlias = Literal["model"] | Disconnect


class GroupUpdate(Rates):
    """Changes to a group; what is left out stays. Rate limits are for all calls that the group serves, together."""

    ratio: Ratio = "1"
    """Price multiplier (分组倍率)."""
    affinity: Stickiness = ""
    """What keeps calls on one channel, for its prompt cache: `off`, `key`, `session` or `prefix`; empty: `session`."""
    description: Text = ""
    public: bool = True
    """May users see and choose it?"""
    disconnect: GroupDisconnect = "model"
    """When a client leaves; goes before the models' own policies. `model`: each model's own."""
    free_interrupted: bool = False
    """An answer that breaks off through no doing of the client costs nothing, whatever was delivered."""


class GroupCreate(GroupUpdate):
    """A new group."""

    name: Label


class GroupView(View):
    """A group as it stands."""

    id: int
    name: str
    ratio: str
    description: str
    affinity: str
    public: bool
    disconnect: GroupDisconnect
    free_interrupted: bool
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    created_at: str

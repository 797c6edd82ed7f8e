"""What can be said about a model."""

from typing import Annotated

from pydantic import Field

from entrepot.control.fields import Name, Stickiness, Text, TimeoutTable, View
from entrepot.control.rates import Rates
from entrepot.core.route import Disconnect


class ModelUpdate(Rates):
    """Changes to a model; what is left out stays. Rate limits are for all calls of all names that it fits, together."""

    description: Text = ""
    owner: Text = ""
    """`owned_by` in the list of models."""
    disconnect: Disconnect = "cancel"
    """When a client leaves: stop and bill what was delivered, read on and bill all, or charge nothing where nothing came."""
    affinity: Stickiness = ""
    """What keeps calls on one channel, for its prompt cache: `off`, `key`, `session` or `prefix`; empty: the group's."""
    max_output: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    """Output tokens that it can write in one answer; 0: as the start catalogue says, where it knows the model."""
    timeouts: TimeoutTable = TimeoutTable()
    """Seconds; what is set here goes before the channel's own."""


class ModelCreate(ModelUpdate):
    """A new model."""

    name: Name
    """A name, or a wildcard such as `gpt-4o*`; the most specific one that fits holds."""


class ModelTier(View):
    """Prices that hold under conditions."""

    conditions: dict[str, int | str]
    prices: dict[str, str]


class ModelView(View):
    """A model as it stands."""

    id: int
    name: str
    description: str
    affinity: str
    owner: str
    disconnect: str
    max_output: int
    timeouts: TimeoutTable
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    prices: dict[str, str]
    """What holds now under any conditions, by kind: USD per 1 M tokens or per unit."""
    tiers: list[ModelTier]
    """What holds now under conditions, such as long prompts."""
    created_at: str

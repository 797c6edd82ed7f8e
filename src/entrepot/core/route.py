"""One way a call can go: a channel, one of its keys, the vendor's name for the model."""

from typing import Literal, TypeAlias

import msgspec

from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.kit.json import Members

Disconnect: TypeAlias = Literal["cancel", "drain", "free-if-empty"]
"""What happens when a client leaves: stop the vendor and bill what was delivered, read on and bill the true usage, or as
`cancel`, but a call that delivered nothing is free."""


class Route(msgspec.Struct, frozen=True, gc=False):
    """All that is needed to send a call to one channel. `secret` never leaves the process."""

    channel_id: int
    channel: str
    """The channel's public label."""
    provider: str
    group: str
    ratio_ppm: int
    """The group's price multiplier in parts per million."""
    model: str
    """The vendor's name for the model."""
    origin: Origin
    prefix: str
    """Path of the base URL, no slash at its end."""
    query: str
    key_id: int
    secret: str
    headers: Headers = ()
    overrides: Members = {}
    timeouts: Timeouts = Timeouts()
    max_connections: int = 1024
    mapped: bool = False
    """True where a model map applied, so that answers must show the public name again."""
    api: str = ""
    """The operation that calls of a chat format take at this channel, where the operator insists on one ("responses" …)."""
    disconnect: Disconnect = "cancel"
    """The group's policy, else the model's."""
    free_interrupted: bool = False
    """The group does not charge for answers that broke off through no doing of the client."""
    described: dict[str, Request] = {}
    """What a provider made of this route once, by operation and without a body: it is asked with every call."""

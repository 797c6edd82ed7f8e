"""What is known when a call has ended: made once, given to every observer."""

import msgspec

from entrepot.core.usage import NOTHING, Usage


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One try on one channel."""

    channel: str
    channel_id: int
    key_id: int
    status: int
    """The vendor's HTTP status; 0 where none came."""
    ms: float
    fault: str | None = None


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A finished call. Times are seconds (wall) and milliseconds (durations).

    Journals hold it as it stands here: fields keep their order for ever, new ones go to the end and have a default.
    """

    id: str
    operation: str
    dialect: str
    arrived: float
    status: int
    """HTTP status that the client got, or would have got (499: it left)."""
    outcome: str
    """`ok`, `refused`, `interrupted` or `client_left`."""
    fault: str | None
    model: str
    stream: bool
    address: str
    client_id: str | None
    user_id: int | None
    key_id: int | None
    key_name: str | None
    group: str | None
    channel_id: int | None
    channel: str | None
    provider: str | None
    upstream_model: str | None
    attempts: tuple[Attempt, ...]
    usage: Usage = NOTHING
    ttft_ms: float | None = None
    """From arrival to the first content byte sent."""
    total_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    dropped: tuple[str, ...] = ()
    charge: int = 0
    """nano-USD that the call costs."""
    disconnect: str = ""
    """The policy for clients that leave, of the group or model that served; empty where none did."""
    waived: int = 0
    """nano-USD that it would have cost but for a policy: the house bears what the vendor asks for it."""

"""What is shown of calls."""

from typing import Annotated, Any, Literal

from pydantic import Field

from entrepot.control.fields import Moment, Spec, Text, View

Outcome = Literal["ok", "refused", "interrupted", "client_left"]
By = Literal["day", "model", "key", "user", "channel"]


class UsageFilter(Spec):
    """Which calls; what is left out does not narrow."""

    key: Annotated[int, Field(ge=1, le=2**53)] | None = None
    """A key's id."""
    user: Text | None = None
    model: Text | None = None
    channel: Text | None = None
    status: Annotated[int, Field(ge=0, le=999)] | None = None
    """The HTTP status that the client got."""
    outcome: Outcome | None = None
    since: Moment | None = None
    """RFC 3339 or a day; a span such as `24h` counts back from now."""
    until: Moment | None = None


class CallView(View):
    """One call."""

    id: str
    arrived_at: str
    operation: str
    dialect: str
    status: int
    outcome: str
    fault: str | None
    model: str
    upstream_model: str | None
    stream: bool
    address: str
    client_id: str | None
    user: str | None
    key_id: int | None
    key: str | None
    """The key's name."""
    group: str | None
    channel: str | None
    attempts: list[dict[str, Any]]
    tokens: dict[str, int]
    """By kind; the kinds are disjoint."""
    basis: str
    """`vendor` or `counted`: where the numbers come from; `none` where there are none."""
    charge: str
    """USD that the wallet paid."""
    shortfall: str
    """USD that the call cost beyond what its wallet held; the house account pays it."""
    disconnect: str | None
    """The policy for clients that leave, of the group or model that served."""
    waived: str
    """USD that it would have cost but for such a policy."""
    prompt_tokens: int
    output_tokens: int
    ttft_ms: float | None
    """From arrival to the first content byte."""
    total_ms: float
    bytes_in: int
    bytes_out: int
    dropped: list[str]


class SumView(View):
    """Calls that share a day, a model, a key, a user or a channel."""

    by: str
    """The day (YYYYMMDD), the model, or the name of key, user or channel; empty where a call had none."""
    id: int | None = None
    """Id of the key, user or channel."""
    calls: int
    failed: int
    """Calls whose outcome is not `ok`."""
    charge: str
    """USD that wallets paid."""
    shortfall: str
    """USD that the house account paid for them."""
    prompt_tokens: int
    output_tokens: int
    bytes_in: int
    bytes_out: int
    mean_total_ms: float

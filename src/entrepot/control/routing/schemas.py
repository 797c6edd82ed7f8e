"""What can be said about routing."""

from typing import Literal

from entrepot.control.channels.schemas import VendorKeyView
from entrepot.control.fields import View

State = Literal["closed", "open", "half_open"]


class WorkerState(View):
    """A channel as one gateway worker of this machine sees it."""

    worker: int
    state: State
    """`open`: it rests. `half_open`: the next call that comes this way decides."""
    until: str | None
    reason: str
    health: float
    """What its weight is multiplied by, 0.05 to 1."""


class RouteView(View):
    """A channel, in the order in which calls try them."""

    order: int
    channel: str
    provider: str
    group: str
    priority: int
    weight: int
    health: float
    """What its weight is multiplied by, on average of the workers."""
    share: float
    """How often it is the first that is tried among those of its priority."""
    upstream_model: str
    why: str
    """In one sentence."""
    keys: list[VendorKeyView]
    workers: list[WorkerState]


class PassedOver(View):
    """A channel that serves the model and is not tried."""

    channel: str
    why: str


class Explanation(View):
    """Where a call would go."""

    model: str
    key: str | None
    groups: list[str]
    affinity: str
    """What keeps calls on one channel: `off` where there is but one way."""
    workers: int
    """Gateway workers of this machine that told of their state; 0 where no server runs."""
    routes: list[RouteView]
    passed_over: list[PassedOver]
    refusal: str | None
    """Why the call would be refused before any channel is tried."""


class Fared(View):
    """What came of attempts in the last five to ten minutes, on all workers of this machine."""

    attempts: int
    ok: int
    failed: int
    """Before the first content."""
    broke: int
    """After it."""
    success_rate: float | None
    first_content_p50_ms: float | None
    tokens_per_second: float | None
    """Of one stream."""


class KeyHealth(VendorKeyView, Fared):
    """One of a channel's keys."""


class ChannelHealth(Fared):
    """One channel."""

    channel: str
    provider: str
    status: str
    state: State
    """The worst of all workers."""
    running: int
    """Calls that run there now: a channel that is `draining` is drained at 0."""
    keys: list[KeyHealth]
    workers: list[WorkerState]

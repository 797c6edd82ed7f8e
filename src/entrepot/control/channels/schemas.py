"""What can be said about a channel."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from entrepot.control.fields import BaseUrl, HeaderMap, Label, Limit, Name, Names, Proxy, Spec, TimeoutTable, View
from entrepot.control.rates import Rates

VendorKey = Annotated[str, Field(min_length=1, max_length=8192, pattern=r"^[\x20-\x7e]+$")]
"""A vendor's key, or `env:NAME` for the value of a variable at this moment."""


class Limits(Rates):
    """What a channel may take. `concurrency`, `rpm` and `tpm` are for all workers together: each keeps to its share."""

    max_connections: Limit | None = None
    """Connections of one gateway worker to this channel."""


class _Channel(Spec):
    """What can be set at once and changed later."""

    base_url: BaseUrl = ""
    """As the vendor's own SDK takes it; empty: the vendor's own address."""
    keys: Annotated[list[VendorKey], Field(max_length=1000)] = []
    """All keys, in order; each passes by turns."""
    models: Names | None = None
    """Public names and wildcards; null: what the vendor lists, else what the catalogue says."""
    model_map: dict[Name, Name] = {}
    """Public name to the vendor's name."""
    groups: Annotated[list[Name], Field(min_length=1, max_length=1000)] = ["default"]
    """Groups that it serves."""
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    """Higher ones are tried first."""
    weight: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    """Share among channels of the same priority."""
    headers: HeaderMap = {}
    """Headers to add to each call."""
    overrides: dict[str, JsonValue] = {}
    """Top-level fields to set in each request body."""
    proxy: Proxy = ""
    limits: Limits = Limits()
    """A change keeps the limits that it leaves out."""
    timeouts: TimeoutTable = TimeoutTable()
    api: Literal["", "chat", "responses"] = ""
    """Which of the vendor's APIs to use where it has several; empty: the one the client speaks."""
    status: Literal["enabled", "draining", "disabled"] = "enabled"
    """`draining`: no new calls, those that run end; `GET /api/health/channels` says how many there are."""


class ChannelUpdate(_Channel):
    """Changes to a channel; what is left out stays."""

    provider: Name = ""


class ChannelCreate(_Channel):
    """A new channel. Its name is the vendor's where none is given."""

    name: Label = ""
    provider: Name
    """A vendor of the catalogue (`GET /api/providers`)."""


class KeyAdd(Spec):
    """One more vendor key."""

    key: VendorKey


class VendorKeyView(View):
    """One of a channel's keys, without its secret."""

    id: int
    hint: str
    status: Literal["enabled", "disabled", "cooled", "broken"]
    """`cooled`: the vendor asked for a pause. `broken`: it refuses the key, or its account there is empty."""
    reason: str
    """Why it is not in use."""
    until: str | None
    """When it rests no more; a broken key is tried by one call then."""
    tries: int
    """How often in a row it was found broken."""


class ChannelView(View):
    """A channel as it stands."""

    id: int
    name: str
    provider: str
    base_url: str
    keys: list[VendorKeyView]
    models: list[str]
    model_map: dict[str, str]
    groups: list[str]
    priority: int
    weight: int
    headers: dict[str, str]
    overrides: dict[str, JsonValue]
    proxy: str
    """Without its password."""
    limits: Limits
    timeouts: TimeoutTable
    api: str
    status: str
    created_at: str


class Verdict(View):
    """What a test of a channel found."""

    channel: str
    ok: bool
    verdict: str
    """One sentence."""
    fault: str | None = None
    """The kind of failure, as in logs and usage."""
    status: int | None = None
    """The vendor's HTTP status."""
    ms: float | None = None
    models: list[str] = []
    """What the vendor lists, up to 1,000."""


class ProviderView(View):
    """A vendor of the catalogue."""

    name: str
    label: str
    base_url: str
    """Empty: a channel has to give one."""
    models: list[str]
    aliases: list[str]
    keyless: bool
    """Does it work without a key?"""
    operations: list[str]
    tested: bool
    """Is there a recording or a documented example of it in the tests?"""
    docs: str
    """Where these facts come from."""

"""A call's facts: who asks for what. Frozen; the one mutable outcome is the pipeline's own."""

from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from entrepot.core.http import Headers
from entrepot.kit.json import Members

Operation: TypeAlias = Literal[
    "chat",
    "completions",
    "embeddings",
    "moderations",
    "messages",
    "count_tokens",
    "generate",
    "generate_count",
    "responses",
]
WRITING: Final[frozenset[Operation]] = frozenset(("chat", "completions", "messages", "generate", "responses"))
"""Operations whose answer is written token by token: they may be streamed, and are held for output."""
FREE: Final[frozenset[Operation]] = frozenset(("count_tokens", "generate_count"))
"""Operations that vendors do not bill."""
Affinity: TypeAlias = Literal["off", "key", "session", "prefix"]
"""What keeps calls on one channel: nothing, the API key, what the client calls its session, the prompt's beginning."""


class Call(msgspec.Struct, frozen=True, gc=False):
    """What is known of a request when its head has arrived."""

    id: str
    operation: Operation
    dialect: str
    """Name of the client's dialect."""
    address: str
    """The client's IP address."""
    client_id: str | None
    """The client's own request id: an attribute, never a key."""
    arrived: float
    """Wall time in seconds."""
    started: float
    """Monotonic time in seconds."""
    strict: bool = False
    fault_header: bytes = b""
    """`x-sandbox-fault`, passed on to the sandbox only."""
    model: str = ""
    """The model's name where the path has it (Gemini); else it stands in the body."""
    stream: bool = False
    """With `model`: is the answer to be streamed?"""
    array: bool = False
    """With `stream`: as a JSON array in place of SSE."""
    passed: Headers = ()
    """Headers of the client that its dialect has passed on to a vendor of the same dialect."""
    session: bytes = b""
    """What a header calls the client's session."""


class Peek(msgspec.Struct, frozen=True):
    """The few fields of a body that we read, and all its members as they came."""

    model: str
    stream: bool
    members: Members
    wants_usage: bool = False
    """The client asked for usage in the stream (`stream_options.include_usage`)."""
    size: int = 0
    """Bytes of the body."""
    max_output: int | None = None
    choices: int = 1
    added: int = 0
    """Tokens that a vendor is known to add to such a prompt, about."""
    dropped: tuple[str, ...] = ()
    """Fields that will not be passed on, to be named to the client."""


class RateLimits(msgspec.Struct, frozen=True, gc=False):
    """What may go through a key, a user, a group or a model; None is unlimited."""

    rpm: int | None = None
    """Calls a minute."""
    tpm: int | None = None
    """Tokens a minute, prompt and output together."""
    concurrency: int | None = None
    """Calls at once."""


class Standing(Protocol):
    """How near one of its limits a call is. Times are texts, made when a dialect asks for the one that it speaks of."""

    @property
    def kind(self) -> Literal["requests", "tokens"]:
        """What is counted, by the minute."""
        ...

    @property
    def limit(self) -> int:
        """So many a minute."""
        ...

    @property
    def remaining(self) -> int:
        """What is left of it."""
        ...

    def resets_in(self) -> str:
        """Until nothing counts any more if nothing comes: `8.64s`, `6m0s`."""
        ...

    def resets_at(self) -> str:
        """The same as a moment of RFC 3339."""
        ...


Period: TypeAlias = Literal["day", "week", "month", "total"]


class Budget(msgspec.Struct, frozen=True, gc=False):
    """What may be spent in one period; a call holds it beside the wallet."""

    of: Literal["key", "account"]
    period: Period
    limit: int
    """nano-USD."""
    bucket: int
    """Of the period that runs."""
    ends: float | None = None
    """When the period ends, and a fresh one begins: wall time in seconds; None: never."""


class Caller(msgspec.Struct, frozen=True, gc=False):
    """A key that may call, and on whose account."""

    key_id: int
    key_name: str
    user_id: int
    groups: tuple[str, ...]
    """Groups to try, in order; one unless the key has several (`auto`)."""
    models: tuple[str, ...] = ()
    """Model patterns; empty means all."""
    networks: tuple[str, ...] = ()
    """IP addresses or CIDR networks; empty means all."""
    expires: float | None = None
    """Wall time in seconds."""
    until: float | None = None
    """From this wall time on the key must be looked at again: it expires, or a period of its budgets ends."""
    enabled: bool = True
    wallet: int = 0
    """Bucket that pays; 0 where the user has none, and so no balance."""
    caps: tuple[int, ...] = ()
    """Buckets that only limit: the key's quota first, where it has one, then budgets."""
    quota: int | None = None
    """nano-USD, None is unlimited."""
    budgets: tuple[Budget, ...] = ()
    """Of the key and of its account."""
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    user_limits: RateLimits | None = None
    """The user's own limits, shared by all of the user's keys; `rpm`, `tpm`, `concurrency` above are the key's."""

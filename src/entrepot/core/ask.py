"""What a client asks of a chat model, in words that no wire format owns.

A dialect reads its own body into an Ask, another writes its own body from it. Only calls whose
client and vendor speak differently come this way; all others are forwarded and never decoded.
The vocabulary has a budget of eight kinds of parts: what only one format can say travels as
`Native`, and returns only to the format it came from.
"""

from typing import Literal, TypeAlias

import msgspec

from entrepot.kit.json import Raw

Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
MediaKind: TypeAlias = Literal["image", "document", "audio", "video"]
Cache: TypeAlias = Literal["", "5m", "1h"]
"""A mark that the prompt up to here is worth keeping at the vendor, and for how long; "" for none."""


class Proof(msgspec.Struct, frozen=True):
    """An opaque proof of a vendor's (thinking signature, encrypted reasoning, thought signature)."""

    dialect: str
    """Where it came from, and the only place where it may go."""
    data: str
    """As that dialect wrote it; may be JSON of its own."""


class Text(msgspec.Struct, frozen=True):
    """Words."""

    text: str
    cache: Cache = ""
    proof: Proof | None = None
    citations: "tuple[Citation, ...]" = ()


class Citation(msgspec.Struct, frozen=True):
    """Where a piece of text comes from. Offsets are characters of the whole text; None where the vendor says none."""

    url: str
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None


class Media(msgspec.Struct, frozen=True):
    """A picture, document, sound or film: by its data or by its address, one of the two."""

    kind: MediaKind
    mime: str = ""
    """"" where nobody said."""
    data: str = ""
    """Base64, standard alphabet, padded."""
    url: str = ""
    name: str = ""
    """A document's file name or title."""
    detail: str = ""
    """OpenAI's detail of an image: low, high, auto."""
    cache: Cache = ""
    proof: Proof | None = None


class ToolCall(msgspec.Struct, frozen=True):
    """The model wants a tool to run."""

    id: str
    name: str
    arguments: str
    """JSON text of an object ("{}" for none); for a custom tool the input as it is."""
    custom: bool = False
    """A tool that takes free text."""
    proof: Proof | None = None
    cache: Cache = ""


class ToolResult(msgspec.Struct, frozen=True):
    """What the tool said."""

    call_id: str
    name: str = ""
    """The tool's name: formats without ids need it; a reader fills it from the history."""
    content: "tuple[Text | Media, ...]" = ()
    failed: bool = False
    custom: bool = False
    cache: Cache = ""


class Thinking(msgspec.Struct, frozen=True):
    """Reasoning of an earlier turn. Without text it is hidden, and only its proof travels."""

    text: str = ""
    proof: Proof | None = None


class Refusal(msgspec.Struct, frozen=True):
    """The model's words for not answering."""

    text: str


class Native(msgspec.Struct, frozen=True):
    """A part that only one dialect has, as its own JSON."""

    dialect: str
    kind: str
    """Its name in that dialect, to be told where it is lost."""
    raw: Raw


Part: TypeAlias = Text | Media | ToolCall | ToolResult | Thinking | Refusal | Native


class Turn(msgspec.Struct, frozen=True):
    """One side speaks. Tool results belong to the user's side."""

    role: Literal["system", "user", "assistant"]
    """`system` only where it stands between other turns; what comes first is `Ask.system`."""
    parts: tuple[Part, ...]


class Tool(msgspec.Struct, frozen=True):
    """A function of the client's."""

    name: str
    description: str = ""
    schema: Raw | None = None
    """JSON Schema of the arguments, as the client wrote it; None for none."""
    strict: bool | None = None
    custom: bool = False
    """Takes free text; `schema` is then its grammar (OpenAI's `format`), if any."""
    cache: Cache = ""


class ServerTool(msgspec.Struct, frozen=True):
    """A tool that the vendor runs itself."""

    kind: Literal["web_search", "web_fetch", "code", "other"]
    native: Native


class Choice(msgspec.Struct, frozen=True):
    """Which tools the model may use."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] = ()
    """Only these; with `required` and one name, exactly that one."""
    parallel: bool | None = None
    """None where the client does not say."""


class Format(msgspec.Struct, frozen=True):
    """The answer is to be JSON."""

    schema: Raw | None = None
    """None: any object."""
    name: str = "answer"
    description: str = ""
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """How hard to think. A client gives an effort, a budget, or neither (then the vendor decides)."""

    effort: Effort | None = None
    budget: int | None = None
    """Tokens; 0 is off, -1 as the model likes."""
    show: bool | None = None
    """Are thoughts (or their summary) to be shown?"""
    adaptive: bool = False
    """The model decides how much, `effort` says how eager (Anthropic's adaptive thinking)."""


class Sampling(msgspec.Struct, frozen=True):
    """The knobs. None where the client does not say."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Raw | None = None
    logprobs: bool = False
    top_logprobs: int | None = None


class Ask(msgspec.Struct, frozen=True):
    """One request to a chat model."""

    model: str
    system: tuple[Text, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    server_tools: tuple[ServerTool, ...] = ()
    choice: Choice | None = None
    format: Format | None = None
    reasoning: Reasoning | None = None
    sampling: Sampling = Sampling()
    max_output: int | None = None
    choices: int = 1
    """`n`."""
    stream: bool = False
    modalities: tuple[str, ...] = ()
    """What the answer may be made of (text, image, audio), in lower case; () where the client does not say."""
    verbosity: str = ""
    user: str = ""
    """The client's name for its own end user."""
    cache_key: str = ""
    """OpenAI's `prompt_cache_key`."""
    service_tier: str = ""
    metadata: Raw | None = None
    unsaid: tuple[str, ...] = ()
    """Fields of the client's body that this vocabulary has no word for: they are named to the client as dropped."""

"""Faults on request: what a vendor can do wrong, each by a name, and what it does on the wire.

Ask with a suffix of the model, `sandbox/echo!429!retry-after=2`, or with a header,
`x-sandbox-fault: 429; retry-after=2`. Both at once are joined. Where a value is left out, the
one in brackets holds. N counts frames of a stream that carry content or a role (0: before any);
on a whole answer the place is the middle of the body.

Instead of an answer:
  400 … 599          that status, with the dialect's error body. 429 carries Retry-After (1).
  quota              429 `insufficient_quota`, without Retry-After.
  retry-after=S      Retry-After in seconds, for any status; retry-after-ms=MS likewise.
  silence            the request is read, nothing ever comes back, the connection stays open.
  reset=N [0]        TCP RST: at once, or after N frames.
  garbage            bytes that are not HTTP, then the connection closes.
  empty              200 with the right content type, and an orderly end without a single byte.
  html               200 with a page of HTML, as a CDN or a captive portal would.
  lie                200 with an error object as body, or as the first event of a stream.

While it answers:
  slow=S [5]         nothing for S seconds, then all is well (status and headers are late too).
  pause=S [5]        status and headers at once, the first byte of the body S seconds later.
  stall=N [3]        N frames, then silence on an open connection.
  cut=N [3]          N frames, then FIN without the last chunk; whole: half of content-length.
  late-error=N [3]   N frames, then an error event, then an orderly end without the last event.
  malformed=N [3]    after N frames one whose JSON is broken; whole: orderly HTTP, JSON cut in half.
  no-done            an orderly end without the last event ([DONE], message_stop).
  no-usage           no usage, asked for or not.
  keepalive          a comment line before each frame, and one a second during `pause`.
  crlf               lines end with CR LF.
  slowdrip=B [1000]  the body comes at B bytes a second, cut anywhere.
  big=B [1000000]    the content is padded by B bytes of `x` (a stream: in frames of 16 KiB).
  frame=B [100000]   one frame of a stream has B bytes of content more, 8 MiB at most.
  cached=N [1]       so many prompt tokens count as cached.

How often:
  first=N, once      only the first N times (once: 1); then all is well.
  id=NAME            counts under this name instead of under the model's and header's text.
"""

from functools import lru_cache
from typing import Any

import msgspec

from entrepot.sandbox.answers import Whole, refusal
from entrepot.sandbox.tongues import OPENAI, Problem, Tongue

MAX_NUMBER = 1 << 30
MAX_FRAME = 8 * 1024 * 1024
"""Bytes of `frame`: it is built in memory, in the process that also administers; `big` is not."""
HEADER = b"x-sandbox-fault"

_BARE: dict[str, Any] = {
    "slow": 5.0,
    "pause": 5.0,
    "reset": 0,
    "stall": 3,
    "cut": 3,
    "late-error": 3,
    "malformed": 3,
    "slowdrip": 1000,
    "big": 1_000_000,
    "frame": 100_000,
    "cached": 1,
    "retry-after": 1,
}
"""What a name without a value means; all others are switches."""


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What was asked for; see the module's text for each name."""

    status: int = 0
    retry_after: float | None = None
    retry_after_ms: float | None = None
    quota: bool = False
    silence: bool = False
    reset: int | None = None
    garbage: bool = False
    empty: bool = False
    html: bool = False
    lie: bool = False
    slow: float = 0.0
    pause: float = 0.0
    stall: int | None = None
    cut: int | None = None
    late_error: int | None = None
    malformed: int | None = None
    no_done: bool = False
    no_usage: bool = False
    keepalive: bool = False
    crlf: bool = False
    slowdrip: int = 0
    big: int = 0
    frame: int = 0
    cached: int = 0
    first: int = 0
    id: str = ""


NONE = Faults()


@lru_cache(maxsize=1024)
def read(suffix: str, header: str = "") -> Faults:
    """Faults from a model's suffix and a header. Raises Refusal (400) for a name that is not in the list."""
    items = [item.strip() for item in header.replace(",", ";").split(";")]
    items += [item.strip() for item in suffix.split("!")]
    values: dict[str, Any] = {}
    for item in filter(None, items):
        name, has_value, value = item.partition("=")
        if name.isdigit():
            name, value, has_value = "status", name, "="
        if name == "once":
            name, value, has_value = "first", "1", "="
        values[name] = value if has_value else _BARE.get(name, True)
    try:
        faults = msgspec.convert(values, Faults, strict=False)
    except msgspec.ValidationError as error:
        raise refusal(400, f"The sandbox does not know this fault: {error}.", "model", "unknown_fault") from None
    if faults.status and not 400 <= faults.status <= 599:
        raise refusal(400, "A status asked for as a fault is 400 to 599.", "model", "unknown_fault")
    numbers = [value for value in msgspec.structs.astuple(faults) if isinstance(value, int | float)]
    if not all(0 <= number <= MAX_NUMBER for number in numbers):  # not a number fails here too
        raise refusal(400, f"A fault's number is 0 to {MAX_NUMBER}.", "model", "unknown_fault")
    if faults.frame > MAX_FRAME:
        raise refusal(400, f"A frame has at most {MAX_FRAME} bytes; `big` has no such bound.", "model", "unknown_fault")
    return faults


_TYPES = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("requests", "rate_limit_exceeded"),
    529: ("overloaded_error", None),
}


def refused(faults: Faults, tongue: Tongue = OPENAI) -> Whole | None:
    """The error answer that was asked for, if one was."""
    if not faults.status and not faults.quota:
        return None
    headers = [(b"content-type", b"application/json")]
    if faults.quota:
        body = tongue.error(_QUOTA)
        return Whole(body, _QUOTA.status, tuple(headers))
    wait = faults.retry_after
    if wait is None and faults.status == 429 and faults.retry_after_ms is None:
        wait = 1.0
    if wait is not None:
        headers.append((b"retry-after", b"%g" % wait))
    if faults.retry_after_ms is not None:
        headers.append((b"retry-after-ms", b"%g" % faults.retry_after_ms))
    default = ("server_error", None) if faults.status >= 500 else ("invalid_request_error", None)
    kind, code = _TYPES.get(faults.status, default)
    problem = Problem(faults.status, f"You asked the sandbox for status {faults.status}.", kind, code=code)
    return Whole(tongue.error(problem), faults.status, tuple(headers))


_QUOTA = Problem(
    429, "You asked the sandbox for an empty account: insufficient quota.", "insufficient_quota", code="insufficient_quota"
)
LATE_ERROR = Problem(500, "You asked the sandbox for an error.", "server_error", code="sandbox_fault")
HTML = b"<!doctype html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"
GARBAGE = b"\x16\x03\x01 this is not HTTP \x00\xff\xfe\r\n\r\n"

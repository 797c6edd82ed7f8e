"""Every way a call can fail, as one table.

A new failure is a row here, not an `except` somewhere: the row says which status the client
sees, whose fault it is, whether another channel may be tried, whether the channel should
rest, and what the client pays.
"""

from enum import StrEnum

import msgspec

from entrepot.core.call import Standing


class Blame(StrEnum):
    """Who caused it: only a channel's own faults count against its health."""

    CLIENT = "client"
    CHANNEL = "channel"
    US = "us"


class Charge(StrEnum):
    """What the client pays when a call ends like this."""

    NOTHING = "nothing"
    DELIVERED = "delivered"
    BEGUN = "begun"
    """What was delivered, and the prompt as soon as the vendor has begun to answer: the client's side ended the call."""


class Cool(StrEnum):
    """What should rest after it, so that later calls do not find out again."""

    NOTHING = "nothing"
    CHANNEL = "channel"
    KEY = "key"
    """The vendor key for a while; another key of the channel may do."""
    BREAKS_KEY = "breaks_key"
    """The vendor key until somebody has mended it: refused, or its account is empty."""


class Kind(StrEnum):
    """The names of failures; they appear in logs, metrics and usage rows."""

    # the request itself
    INVALID_JSON = "invalid_json"
    TOO_DEEP = "json_too_deep"
    INVALID_FIELD = "invalid_field"
    MISSING_MODEL = "missing_model"
    UNKNOWN_PATH = "unknown_path"
    WRONG_METHOD = "wrong_method"
    BODY_TOO_LARGE = "body_too_large"
    HEADERS_TOO_LARGE = "headers_too_large"
    MALFORMED_HTTP = "malformed_http"
    SLOW_CLIENT = "slow_client"
    FOREIGN_OBJECT = "foreign_object"
    URL_NOT_ALLOWED = "url_not_allowed"
    URL_NOT_FETCHED = "url_not_fetched"
    # who is asking
    MISSING_KEY = "missing_key"
    INVALID_KEY = "invalid_key"
    DISABLED_KEY = "disabled_key"
    EXPIRED_KEY = "expired_key"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    TOO_MANY_GUESSES = "too_many_guesses"
    RATE_LIMITED = "rate_limited"
    # what is asked for
    UNKNOWN_MODEL = "unknown_model"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    NO_CHANNEL = "no_channel"
    # money
    INSUFFICIENT_QUOTA = "insufficient_quota"
    BALANCE_ON_HOLD = "balance_on_hold"
    BALANCE_EXHAUSTED = "balance_exhausted"
    NOT_PRICED = "not_priced"
    MONEY_AWAY = "money_away"
    # the vendor
    DNS_FAILED = "dns_failed"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    PROXY_FAILED = "proxy_failed"
    POOL_EXHAUSTED = "pool_exhausted"
    VENDOR_RESET = "vendor_reset"
    VENDOR_GARBAGE = "vendor_garbage"
    VENDOR_TRUNCATED = "vendor_truncated"
    VENDOR_SILENT = "vendor_silent"
    VENDOR_STALLED = "vendor_stalled"
    VENDOR_TOO_LONG = "vendor_too_long"
    VENDOR_REFUSED = "vendor_refused"
    VENDOR_NOT_FOUND = "vendor_not_found"
    VENDOR_AUTH = "vendor_auth"
    VENDOR_QUOTA = "vendor_quota"
    VENDOR_RATE_LIMIT = "vendor_rate_limit"
    VENDOR_OVERLOADED = "vendor_overloaded"
    VENDOR_ERROR = "vendor_error"
    VENDOR_LIED = "vendor_lied"
    # how it ended
    CLIENT_LEFT = "client_left"
    CLIENT_STALLED = "client_stalled"
    DRAINING = "draining"
    STORE_AWAY = "store_away"
    INTERNAL = "internal"


class Row(msgspec.Struct, frozen=True):
    """What follows from a kind of failure."""

    status: int
    """HTTP status for the client, before the first byte."""
    type: str
    """`error.type` in OpenAI's words; other dialects map from the kind."""
    code: str | None
    message: str
    """What the client reads where the fault brings no message of its own."""
    blame: Blame
    elsewhere: bool = False
    """May another channel be tried (before the first content byte)?"""
    cool: Cool = Cool.NOTHING
    retry: bool = False
    """Is it any use for the client to repeat the call as it is? Becomes `x-should-retry`."""
    forward: bool = False
    """Pass the vendor's own status and body to the client (same dialect)."""
    charge: Charge = Charge.NOTHING
    """Of what was delivered before it happened. A client that is told of an error in place of an answer pays nothing."""


def _client(status: int, code: str, message: str, kind: str = "invalid_request_error") -> Row:
    return Row(status, kind, code, message, Blame.CLIENT)


def _channel(status: int, code: str, message: str, *, retry: bool = True, cool: Cool = Cool.CHANNEL) -> Row:
    return Row(
        status, "upstream_error", code, message, Blame.CHANNEL, elsewhere=True, cool=cool, retry=retry, charge=Charge.DELIVERED
    )


TABLE: dict[Kind, Row] = {
    Kind.INVALID_JSON: _client(400, "invalid_json", "The request body is not valid JSON."),
    Kind.TOO_DEEP: _client(400, "json_too_deep", "The request body is nested too deeply."),
    Kind.INVALID_FIELD: _client(400, "invalid_type", "A field of the request body has the wrong type."),
    Kind.MISSING_MODEL: _client(400, "missing_required_parameter", "You must provide a model parameter."),
    Kind.UNKNOWN_PATH: _client(
        404,
        "unknown_url",
        "There is no such endpoint. GET /v1/models lists the models, the project's docs/endpoints.md the rest.",
    ),
    Kind.WRONG_METHOD: _client(405, "method_not_allowed", "This endpoint does not take that method."),
    Kind.BODY_TOO_LARGE: _client(413, "request_too_large", "The request body is over the limit of this endpoint."),
    Kind.HEADERS_TOO_LARGE: _client(431, "headers_too_large", "The request's headers are over the limit of 64 KB."),
    Kind.MALFORMED_HTTP: _client(400, "malformed_http", "This is not a valid HTTP/1.1 request."),
    Kind.SLOW_CLIENT: _client(408, "request_timeout", "The request did not arrive in time."),
    Kind.FOREIGN_OBJECT: _client(404, "not_found", "The request names an object that does not belong to this key."),
    Kind.URL_NOT_ALLOWED: _client(400, "url_not_allowed", "The URL leads to an address that is not public."),
    Kind.URL_NOT_FETCHED: _client(400, "url_not_fetched", "The URL could not be fetched. Send the data itself."),
    Kind.MISSING_KEY: _client(401, "missing_api_key", "No API key given. Send it as 'Authorization: Bearer sk-…'."),
    Kind.INVALID_KEY: _client(401, "invalid_api_key", "This API key is not known here."),
    Kind.DISABLED_KEY: _client(401, "api_key_disabled", "This API key is disabled."),
    Kind.EXPIRED_KEY: _client(401, "api_key_expired", "This API key has expired."),
    Kind.ADDRESS_NOT_ALLOWED: _client(
        403, "ip_not_allowed", "This API key may not be used from your address.", "permission_error"
    ),
    Kind.TOO_MANY_GUESSES: _client(
        429, "too_many_unknown_keys", "Too many unknown keys from your address.", "rate_limit_error"
    ),
    Kind.RATE_LIMITED: Row(
        429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached. Try again soon.", Blame.CLIENT, retry=True
    ),
    Kind.UNKNOWN_MODEL: _client(404, "model_not_found", "The model does not exist or no channel serves it."),
    Kind.MODEL_NOT_ALLOWED: _client(403, "model_not_allowed", "This API key may not use that model.", "permission_error"),
    Kind.NO_CHANNEL: Row(503, "server_error", "no_channel", "No channel serves this model right now.", Blame.US, retry=True),
    Kind.INSUFFICIENT_QUOTA: _client(
        402,
        "insufficient_quota",
        "The balance or quota cannot pay for this call. Top up, or ask for less.",
        "insufficient_quota",
    ),
    Kind.BALANCE_ON_HOLD: Row(
        429,
        "rate_limit_error",
        "balance_on_hold",
        "The balance is held by calls that are running. Try again when one has ended.",
        Blame.CLIENT,
        retry=True,
    ),
    Kind.BALANCE_EXHAUSTED: Row(
        402,
        "insufficient_quota",
        "balance_exhausted",
        "The balance was used up while the answer was running; it was ended here.",
        Blame.CLIENT,
        charge=Charge.BEGUN,
    ),
    Kind.NOT_PRICED: Row(503, "server_error", "model_not_priced", "This model has no price yet.", Blame.US),
    Kind.MONEY_AWAY: Row(
        503,
        "server_error",
        "billing_unavailable",
        "Balances cannot be read at the moment. Try again soon.",
        Blame.US,
        retry=True,
        charge=Charge.DELIVERED,
    ),
    Kind.DNS_FAILED: _channel(502, "upstream_dns", "The upstream's name could not be resolved."),
    Kind.CONNECT_REFUSED: _channel(502, "upstream_unreachable", "The upstream could not be reached."),
    Kind.CONNECT_TIMEOUT: _channel(504, "upstream_connect_timeout", "The upstream did not accept the connection in time."),
    Kind.TLS_FAILED: _channel(502, "upstream_tls", "The upstream's certificate was not accepted."),
    Kind.PROXY_FAILED: _channel(502, "upstream_proxy", "The proxy in front of the upstream refused."),
    Kind.POOL_EXHAUSTED: _channel(503, "upstream_busy", "All connections to the upstream are in use.", cool=Cool.NOTHING),
    Kind.VENDOR_RESET: _channel(502, "upstream_reset", "The upstream broke the connection."),
    Kind.VENDOR_GARBAGE: _channel(502, "upstream_garbage", "The upstream's answer could not be understood."),
    Kind.VENDOR_TRUNCATED: _channel(502, "upstream_truncated", "The upstream's answer ended before its end."),
    Kind.VENDOR_SILENT: _channel(504, "upstream_timeout", "The upstream did not begin to answer in time."),
    Kind.VENDOR_STALLED: _channel(504, "upstream_stalled", "The upstream stopped in the middle of its answer."),
    Kind.VENDOR_TOO_LONG: _channel(
        504, "upstream_too_long", "The upstream's answer took longer than allowed.", cool=Cool.NOTHING
    ),
    Kind.VENDOR_REFUSED: Row(
        400,
        "invalid_request_error",
        "upstream_refused",
        "The upstream refused the request.",
        Blame.CLIENT,
        forward=True,
        charge=Charge.DELIVERED,
    ),
    Kind.VENDOR_NOT_FOUND: Row(
        404,
        "invalid_request_error",
        "model_not_found",
        "The upstream does not know this model.",
        Blame.CHANNEL,
        elsewhere=True,
        forward=True,
        charge=Charge.DELIVERED,
    ),
    Kind.VENDOR_AUTH: _channel(
        502, "upstream_auth", "The upstream does not accept this channel's credentials.", retry=False, cool=Cool.BREAKS_KEY
    ),
    Kind.VENDOR_QUOTA: _channel(
        502, "upstream_quota", "This channel's account at the upstream is used up.", retry=False, cool=Cool.BREAKS_KEY
    ),
    Kind.VENDOR_RATE_LIMIT: _channel(
        429, "upstream_rate_limit", "The upstream limits the rate of this model. Try again soon.", cool=Cool.KEY
    ),
    Kind.VENDOR_OVERLOADED: _channel(503, "upstream_overloaded", "The upstream is overloaded. Try again soon."),
    Kind.VENDOR_ERROR: _channel(502, "upstream_error", "The upstream failed."),
    Kind.VENDOR_LIED: _channel(502, "upstream_error", "The upstream answered 200 with an error inside."),
    Kind.CLIENT_LEFT: Row(499, "client_left", "client_left", "The client left.", Blame.CLIENT, charge=Charge.BEGUN),
    Kind.CLIENT_STALLED: Row(
        499, "client_left", "client_stalled", "The client stopped reading.", Blame.CLIENT, charge=Charge.BEGUN
    ),
    Kind.DRAINING: Row(
        503, "server_error", "draining", "This server is stopping. Try again.", Blame.US, retry=True, charge=Charge.DELIVERED
    ),
    Kind.STORE_AWAY: Row(
        503, "server_error", "store_unavailable", "The database is away. Try again soon.", Blame.US, retry=True
    ),
    Kind.INTERNAL: Row(
        500,
        "server_error",
        "internal_error",
        "Something went wrong here; it is logged under this request id.",
        Blame.US,
        charge=Charge.DELIVERED,
    ),
}


class Fault(Exception):
    """One failure of one call: a kind from the table and what is known of this instance."""

    def __init__(
        self,
        kind: Kind,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        vendor: "VendorAnswer | None" = None,
        standing: tuple[Standing, ...] = (),
    ) -> None:
        super().__init__(message or TABLE[kind].message)
        self.kind = kind
        self.row = TABLE[kind]
        self.message = message or self.row.message
        self.param = param
        self.code = code or self.row.code
        self.retry_after = retry_after
        """Seconds, as the vendor or our own limits say."""
        self.vendor = vendor
        self.standing = standing
        """Where our own limits are the reason: where the call stands."""

    @property
    def status(self) -> int:
        """The status the client sees: the vendor's own where its answer is forwarded."""
        return self.vendor.status if self.row.forward and self.vendor else self.row.status

    def __repr__(self) -> str:
        return f"Fault({self.kind.value!r}, {self.message!r})"


class VendorAnswer(msgspec.Struct, frozen=True):
    """A vendor's refusal as it came."""

    status: int
    content_type: bytes
    body: bytes

"""What control refuses, as exceptions with a status, a code and the field's name.

ControlError            400 … 503
├── InvalidError        400  a field is wrong; `param` names it
├── UnauthorizedError   401  no admin token, or an unknown one
├── NotFoundError       404  no such row
├── ShortError          402  the money is not there
├── ConflictError       409  the name is taken, or the row is in use
│   └── LeasedError     409  the money is there, and held by calls that run
└── UnavailableError    503  the database does not answer
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class ControlError(Exception):
    """A refusal that a person can act on."""

    status: ClassVar[int] = 400
    type: ClassVar[str] = "invalid_request_error"
    code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class InvalidError(ControlError):
    """A value that cannot be taken."""

    code = "invalid_value"


class UnauthorizedError(ControlError):
    """The caller is not an administrator."""

    status = 401
    type = "authentication_error"
    code = "invalid_admin_token"


class NotFoundError(ControlError):
    """There is no such row."""

    status = 404
    code = "not_found"


class ConflictError(ControlError):
    """Another row stands in the way."""

    status = 409
    code = "conflict"


class ShortError(ControlError):
    """A wallet has less than is asked of it."""

    status = 402
    code = "insufficient_balance"


class LeasedError(ConflictError):
    """A wallet has enough, but workers have leased it for calls that run: it may come back."""

    code = "balance_on_hold"


class UnavailableError(ControlError):
    """The database cannot be reached or is busy."""

    status = 503
    type = "server_error"
    code = "store_unavailable"


def suggestion(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known word, or nothing where none is near."""
    near = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def missing(what: str, name: str, known: Iterable[str] = ()) -> NotFoundError:
    """`there is no channel 'x'`, with the nearest one that there is."""
    return NotFoundError(f"There is no {what} {name!r}.{suggestion(name, known)}", "name")

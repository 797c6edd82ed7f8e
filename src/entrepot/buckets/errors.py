"""Why money is refused. `relay` and `billing` turn these into faults."""


class RefusedError(Exception):
    """No hold was made, and nothing was reserved. Never raised itself, only its kinds below."""


class InsufficientError(RefusedError):
    """The bucket cannot pay for this, whatever comes back: 402."""

    def __init__(self, bucket: int, missing: int) -> None:
        super().__init__(f"bucket {bucket} lacks {missing} nano-USD")
        self.bucket = bucket
        self.missing = missing


class OnHoldError(RefusedError):
    """The bucket could pay, but calls that run have reserved it: 429, try again in a second."""

    def __init__(self, bucket: int) -> None:
        super().__init__(f"bucket {bucket} is held by running calls")
        self.bucket = bucket


class FencedError(RefusedError):
    """This worker has not reached the database for too long, or has no room in its journal: 503."""


class JournalError(Exception):
    """The journal cannot be written or read."""

"""Bad weather in the log: said once when it begins and once when it is over, however often it is met in between."""

import logging

_log = logging.getLogger("entrepot.buckets")


class Trouble:
    """One thing that may go wrong; `begins` and `ends` are the words for it."""

    __slots__ = ("_begins", "_ends", "since")

    def __init__(self, begins: str, ends: str) -> None:
        self._begins = begins
        self._ends = ends
        self.since: Exception | str | None = None
        """What it began with; None while all is well."""

    def met(self, error: Exception | str) -> None:
        """It is there, or still there."""
        if self.since is None:
            _log.warning(self._begins, extra={"error": str(error)})
        self.since = error

    def over(self) -> None:
        """All is well."""
        if self.since is not None:
            _log.warning(self._ends)
        self.since = None

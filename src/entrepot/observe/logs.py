"""Logs of everything that is not a call: standard `logging`, one line an event on standard error.

JSON for machines, plain text on a terminal. Every text passes `scrub`, in tracebacks too.
Lines are written by a thread, so that a stalled reader stops no call; warnings and worse go
out at once.
"""

import logging
import os
import traceback
from datetime import UTC, datetime
from typing import Any

from entrepot.kit import json
from entrepot.observe.lines import LineWriter
from entrepot.observe.scrub import is_secret_name, scrub

_TEXT_LIMIT = 16_384
"""Characters of one text that are logged."""
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}
_QUIET = ("uvicorn.error", "uvicorn.access", "asyncio", "httptools", "aiosqlite", "alembic", "sqlalchemy")
"""Libraries whose chatter is not ours: only warnings and worse."""


class LogHandler(logging.Handler):
    """Hands finished lines to the writing thread."""

    def __init__(self, descriptor: int = 2, *, plain: bool = False) -> None:
        super().__init__()
        self.setFormatter(PlainFormatter() if plain else JsonFormatter())
        self._lines: LineWriter[str] = LineWriter(descriptor, _encode_line, name="log")

    @property
    def dropped(self) -> int:
        """Lines that were lost because nobody read them in time."""
        return self._lines.dropped

    def emit(self, record: logging.LogRecord) -> None:
        """Format here (the record's values may change), write elsewhere."""
        try:
            self._lines.put(self.format(record))
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001  # a log line must never break the call that it is about (logging.Handler.emit)
            self.handleError(record)
        if record.levelno >= logging.WARNING:
            self._lines.hurry()

    def close(self) -> None:
        """Write what is queued; called by `logging.shutdown` at the end of the process."""
        self._lines.close()
        super().close()


class JsonFormatter(logging.Formatter):
    """`{"time", "level", "logger", "event", …extra, "error"}`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _clean(record.getMessage()),
        }
        line.update(_extra(record))
        if error := _error(record):
            line["error"] = error
        return json.encode(line).decode()


class PlainFormatter(logging.Formatter):
    """`12:00:00 info  entrepot.store: what happened  name=value`, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        text = f"{when} {record.levelname.lower():<7} {record.name}: {_clean(record.getMessage())}"
        text += "".join(f"  {name}={value}" for name, value in _extra(record).items())
        return f"{text}\n{error}" if (error := _error(record)) else text


def configure(level: str, descriptor: int = 2) -> LogHandler:
    """Send all logs of this process to `descriptor`. A second call replaces the first."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, LogHandler):
            root.removeHandler(handler)
            handler.close()
    handler = LogHandler(descriptor, plain=os.isatty(descriptor))
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    return handler


def _encode_line(line: str) -> bytes:
    return line.encode("utf-8", "replace") + b"\n"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra=`, made plain and clean."""
    given = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    return {name: "…" if is_secret_name(name) else _plain(value) for name, value in given.items()}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _clean(str(value))


def _clean(text: str) -> str:
    """Bounded, without secrets, and Unicode."""
    return scrub(text[:_TEXT_LIMIT]).encode("utf-8", "replace").decode()


def _error(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return _clean("".join(traceback.format_exception(record.exc_info[1])).rstrip())

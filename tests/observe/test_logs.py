"""One line an event, machine-readable, without secrets, tracebacks included."""

import logging
import os
import warnings
from collections.abc import Iterator

import pytest

from entrepot.kit import json
from entrepot.observe.logs import JsonFormatter, LogHandler, PlainFormatter, configure

_log = logging.getLogger("entrepot.test")


class _Output:
    """A pipe that logs go to."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.handlers: list[LogHandler] = []

    def configure(self, level: str = "info") -> LogHandler:
        self.handlers.append(configure(level, self.writing))
        return self.handlers[-1]

    def lines(self) -> list[dict[str, object]]:
        self.handlers[-1].close()
        os.set_blocking(self.reading, False)
        try:
            return [json.decode(line) for line in os.read(self.reading, 1 << 20).splitlines()]
        except BlockingIOError:
            return []


@pytest.fixture
def output() -> Iterator[_Output]:
    root = logging.getLogger()
    level, shown = root.level, warnings.showwarning
    found = _Output()
    yield found
    logging.captureWarnings(capture=False)
    warnings.showwarning = shown
    for handler in found.handlers:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    for descriptor in (found.reading, found.writing):
        os.close(descriptor)


def test_a_line_with_what_was_given_beside_it(output: _Output) -> None:
    output.configure()
    _log.info("channel %s rests", "north", extra={"channel_id": 5, "seconds": 2.5, "why": ValueError("x"), "none": None})
    (line,) = output.lines()
    assert str(line.pop("time")).endswith("Z")
    assert line == {
        "level": "info",
        "logger": "entrepot.test",
        "event": "channel north rests",
        "channel_id": 5,
        "seconds": 2.5,
        "why": "x",
        "none": None,
    }


def test_the_level(output: _Output) -> None:
    output.configure("warning")
    _log.info("not this")
    _log.warning("this")
    logging.getLogger("uvicorn.access").info("nor this")
    assert [line["event"] for line in output.lines()] == ["this"]


def test_secrets_do_not_get_out(output: _Output) -> None:
    output.configure()
    secret = "sk-ent-abcdefghijklmnop"
    _log.info("vendor says: invalid key %s", secret, extra={"key": "anything", "header": f"Bearer {secret}"})
    try:
        int(f"postgresql://jane:{secret}@db/x")
    except ValueError:
        _log.exception("failed")
    text = str(output.lines())
    assert secret not in text
    assert "anything" not in text
    assert "postgresql://jane:…@db/x" in text
    assert "ValueError: invalid literal" in text
    assert "test_logs.py" in text


def test_a_line_that_cannot_be_formatted_breaks_nothing(output: _Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    output.configure()
    _log.info("%d", "no number")
    _log.info("line\nbreak")
    assert [line["event"] for line in output.lines()] == ["line\nbreak"]


@pytest.mark.parametrize("formatter", [JsonFormatter(), PlainFormatter()])
def test_what_is_no_unicode_is_replaced(formatter: logging.Formatter) -> None:
    # Not through the logger: pytest keeps what is logged, and cannot send this between its processes.
    record = logging.LogRecord("x", logging.INFO, "", 0, "bad \udc80", (), None)
    record.__dict__["name_of_it"] = "\udc81"
    text = formatter.format(record)
    assert "bad ?" in text
    text.encode()


def test_uvicorns_lines_come_once(output: _Output) -> None:
    output.configure()
    logging.getLogger("uvicorn.error").info("not this")
    logging.getLogger("uvicorn.error").warning("this", extra={"color_message": "x"})
    (line,) = output.lines()
    assert line["logger"] == "uvicorn.error"
    assert "color_message" not in line


def test_a_second_call_replaces_the_first(output: _Output) -> None:
    output.configure()
    output.configure()
    _log.info("once")
    assert len(output.lines()) == 1


def test_python_warnings_are_lines_too(output: _Output) -> None:
    output.configure()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert any("old thing" in str(line["event"]) for line in output.lines())


def test_plain_text_for_a_terminal() -> None:
    record = logging.LogRecord("entrepot.store", logging.WARNING, "", 0, "slow: %d ms", (7,), None)
    record.__dict__.update(channel="north", created=1_800_000_000.0)
    assert PlainFormatter().format(record) == "08:00:00 warning entrepot.store: slow: 7 ms  channel=north"

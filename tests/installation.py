"""A whole installation in processes of its own, as a user starts it: `entrepot serve` and its banner."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 60.0


@dataclass
class Installation:
    """A running `entrepot serve`."""

    process: subprocess.Popen[str]
    data: Path
    base: str = ""
    admin_token: str = ""
    key: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def v1(self) -> str:
        """Base URL as OpenAI's SDK takes it."""
        return self.base + "/v1"

    @property
    def port(self) -> int:
        return int(self.base.rsplit(":", 1)[1])

    def output(self) -> str:
        """All that was printed so far."""
        return "\n".join(self.lines) if self.log is None else self.log.read_text()

    def stop(self, patience: float = 45.0) -> int:
        """SIGTERM and wait. The exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def run(self, *arguments: str) -> str:
        """An `entrepot` command on the same data. Its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "entrepot", *arguments],
            env={**os.environ, "ENTREPOT_DATA_DIR": str(self.data), **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    environment: dict[str, str] = field(default_factory=dict)
    log: Path | None = None


@contextmanager
def serve(
    data: Path, *arguments: str, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[Installation]:
    """Start, wait for the banner, stop at the end. What it prints goes to `log`, else it is kept in memory."""
    extra = dict(environment or {})
    process = subprocess.Popen(
        [sys.executable, "-m", "entrepot", "serve", "--data-dir", str(data), "--port", "0", *arguments],
        env={**os.environ, **extra},
        stdout=subprocess.PIPE if log is None else log.open("wb"),
        stderr=subprocess.STDOUT,
        text=True,
    )
    made = Installation(process, data, environment=extra, log=log)
    reader = threading.Thread(target=_read, args=(made,), daemon=True)
    reader.start()
    try:
        _await_banner(made)
        yield made
        made.stop()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(5)


def _read(made: Installation) -> None:
    if made.process.stdout is None:
        return
    for line in made.process.stdout:
        made.lines.append(line.rstrip("\n"))


def _await_banner(made: Installation) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        text = made.output()
        if "Try it:" in text and (found := re.search(r"ready\s+(http://\S+)", text)):
            made.base = found[1]
            made.admin_token = _first(r"admin token\s+(\S+)", text)
            made.key = _first(r"API key\s+(\S+)", text)
            return
        if made.process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError("the server did not start:\n" + made.output())


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""

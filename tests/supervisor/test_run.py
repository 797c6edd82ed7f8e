"""`entrepot serve` from outside: what it says when it cannot start, and how little the supervisor itself is."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from entrepot.control import serve as control_serve
from entrepot.gateway import server as gateway_server
from entrepot.relay import forward
from entrepot.supervisor import run
from tests.installation import serve


def refused(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr + done.stdout


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("serve", "--data-dir", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert "cannot listen" in said
    assert "--port" in said


def test_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[[chanel]]\nname="x"\n')
    said = refused("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--config", str(file))
    assert "chanel" in said
    assert "channel" in said


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:9/none"
    assert "127.0.0.1" in refused("serve", "--data-dir", str(tmp_path / "data"), "--port", "0", "--database-url", url)


def test_the_supervisor_is_small_and_the_second_start_shows_no_secrets(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as made:
        assert made.key
        own = psutil.Process(made.process.pid).memory_info().rss
        assert own < 40 * 1024 * 1024
    with serve(tmp_path / "data") as again:
        assert again.key == ""
        assert made.key not in again.output()


def refused_after(port: int, seconds: float) -> float:
    """Seconds until a new connection is refused; one that is taken before that is closed at once."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < seconds:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return waited
        time.sleep(0.01)
    raise AssertionError(f"still taken after {seconds} s")


def test_after_sigterm_new_connections_are_refused_while_a_stream_runs(tmp_path: Path) -> None:
    ask = {"model": "sandbox/story:60@20", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    with serve(tmp_path / "data", "--workers", "2") as made:
        headers = {"authorization": f"Bearer {made.key}"}
        with httpx.stream("POST", made.v1 + "/chat/completions", json=ask, headers=headers, timeout=30) as stream:
            lines = stream.iter_lines()
            next(lines)
            made.process.send_signal(signal.SIGTERM)
            assert refused_after(made.port, 2) < 1
            begun = time.monotonic()
            assert [line for line in lines if line][-1] == "data: [DONE]"
            assert time.monotonic() - begun > 1, "the stream was over before: nothing was proven"
        assert made.stop() == 0
    assert "killed" not in made.output()


def test_the_supervisor_waits_longer_than_a_drain_can_take() -> None:
    closing = 10.0
    assert forward._SAY_SECONDS + gateway_server.FLUSH + closing < run.WORKER_MARGIN
    assert run.CONTROL_MARGIN > control_serve._GRACE

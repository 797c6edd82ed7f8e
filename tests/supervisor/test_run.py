"""`entrepot serve` from outside: what it says when it cannot start, and how little the supervisor itself is."""

import socket
import subprocess
import sys
from pathlib import Path

import psutil

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

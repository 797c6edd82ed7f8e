"""Sockets and locks: what is taken is said, what was opened is closed."""

import os
import socket
import stat
from pathlib import Path

import pytest

from entrepot.settings import Settings
from entrepot.supervisor.sockets import AddressInUseError, lock_data, open_sockets


def settings(data: Path, port: int = 0, host: str = "127.0.0.1") -> Settings:
    return Settings(host=host, port=port, data_dir=str(data))


def test_everything_is_open_and_private(tmp_path: Path) -> None:
    with open_sockets(settings(tmp_path)) as sockets:
        assert sockets.address[0] == "127.0.0.1"
        assert sockets.address[1] > 0
        assert sockets.sandbox_port > 0
        assert stat.S_IMODE(sockets.control_path.stat().st_mode) == 0o600
        assert set(sockets.gateway_fds) & set(sockets.control_fds) == {sockets.life_read}
        life, path = sockets.life_read, sockets.control_path
    assert not path.exists()
    with pytest.raises(OSError):
        os.fstat(life)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressInUseError, match=f"127.0.0.1:{port}.*--port"), open_sockets(settings(tmp_path, port)):
            pass


def test_ipv6(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with open_sockets(settings(tmp_path, host="::1")) as sockets:
        assert sockets.address[0] == "::1"


def test_a_long_data_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("d" * 120)
    long.mkdir()
    with open_sockets(settings(long)) as sockets:
        assert len(str(sockets.control_path)) < 100
        assert sockets.control_path.exists()


def test_one_server_a_data_folder(tmp_path: Path) -> None:
    with lock_data(tmp_path), pytest.raises(AddressInUseError, match="another"), lock_data(tmp_path):
        pass
    with lock_data(tmp_path):
        pass

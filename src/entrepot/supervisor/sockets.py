"""The sockets and locks of one installation, opened once and inherited by the children."""

import fcntl
import os
import socket
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from entrepot.settings import Settings

BACKLOG = 2048
_LONGEST_UNIX_PATH = 100
"""Linux allows 107 bytes for a Unix socket's path, macOS 103."""


class AddressInUseError(Exception):
    """The port or the data folder belongs to another process."""


@dataclass(frozen=True)
class Sockets:
    """What the children inherit."""

    public: socket.socket
    control: socket.socket
    control_path: Path
    sandbox: socket.socket
    life_read: int

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the public socket (the port may have been chosen by the system)."""
        host, port = self.public.getsockname()[:2]
        return host, port

    @property
    def sandbox_port(self) -> int:
        """The sandbox's own port on loopback."""
        return self.sandbox.getsockname()[1]

    @property
    def control_fds(self) -> tuple[int, ...]:
        """What the control process gets."""
        return (self.control.fileno(), self.sandbox.fileno(), self.life_read)

    @property
    def gateway_fds(self) -> tuple[int, ...]:
        """What a gateway worker gets."""
        return (self.public.fileno(), self.life_read)


@contextmanager
def lock_data(data: Path) -> Generator[None]:
    """One server a data folder. Raises AddressInUseError."""
    with (data / "serve.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AddressInUseError(f"another `entrepot serve` uses {data}; stop it, or give --data-dir") from None
        yield


@contextmanager
def open_sockets(settings: Settings) -> Generator[Sockets]:
    """Bind everything. Raises AddressInUseError."""
    with ExitStack() as stack:
        public = stack.enter_context(_listen(settings.host, settings.port))
        sandbox = stack.enter_context(_listen("127.0.0.1", 0))
        path = _control_path(settings.data_path)
        control = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            control.bind(str(path))
        finally:
            os.umask(old)
        control.listen(BACKLOG)
        stack.callback(path.unlink, missing_ok=True)
        life_read, life_write = os.pipe()
        stack.callback(os.close, life_write)
        stack.callback(os.close, life_read)
        yield Sockets(public, control, path, sandbox, life_read)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressInUseError(f"cannot listen on {host}:{port}: {error.strerror}; give another --port or --host") from None
    listener.listen(BACKLOG)
    return listener


def _control_path(data: Path) -> Path:
    path = data / "control.sock"
    if len(str(path).encode()) <= _LONGEST_UNIX_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="entrepot-")) / "control.sock"

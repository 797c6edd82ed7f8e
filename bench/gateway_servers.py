"""The servers that are measured, each a process of its own on the first core: nginx, our gateway, our gateway on aiohttp."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from entrepot.settings import Handoff, Prepared, Settings
from entrepot.store.migrate import migrate

ROOT = Path(__file__).parents[1]
PATHS = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
"""Children take this checkout's own source, wherever the package is installed from."""
MODEL = "bench-*"

NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {data}/nginx.pid;
error_log {data}/error.log warn;
{user}
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {data}/body;
    proxy_temp_path {data}/proxy;
    fastcgi_temp_path {data}/fastcgi;
    uwsgi_temp_path {data}/uwsgi;
    scgi_temp_path {data}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600;
    client_max_body_size 32m;
    client_body_buffer_size 1m;
    upstream vendor {{
        server 127.0.0.1:{vendor};
        keepalive 512;
        keepalive_requests 1000000000;
        keepalive_timeout 600;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://vendor;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""

CONFIG = """
[[channel]]
name = "bench"
provider = "openai"
base_url = "http://127.0.0.1:{vendor}/v1"
keys = ["sk-vendor-0123456789abcdef0123456789abcdef"]
models = ["bench-*"]
limits = {{ max_connections = 10000 }}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs now."""

    name: str
    pid: int
    """Of the one process that does the work."""
    port: int
    key: str

    def cpu(self) -> float:
        """CPU seconds of the process so far, user and system, all threads: exact to the nanosecond.

        The clock's number is made of the process's as clock_getcpuclockid(3) makes it.
        """
        return time.clock_gettime((~self.pid << 3) | 2)

    def resident(self) -> int:
        """Bytes of resident memory."""
        return psutil.Process(self.pid).memory_info().rss


def first_core() -> None:
    """Of a child: run on the first core, where nothing of ours runs beside it."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0) | {0})})


def free_port() -> int:
    """A port that nobody has right now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Terminate at the end."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def vendor() -> Iterator[int]:
    """The vendor, beside the load on the last core. Its port."""
    command = [sys.executable, "-c", "from bench.vendor import main; main()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process, ended(process):
        assert process.stdout is not None
        yield int(process.stdout.readline())


def environment() -> dict[str, str]:
    """Of children that import from bench/."""
    return {**os.environ, "PYTHONPATH": PATHS}


def nginx_command() -> str | None:
    """Where nginx is, if it is."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextlib.contextmanager
def nginx(data: Path, vendor_port: int) -> Iterator[Server]:
    """Debian's nginx with one worker: keep-alive on both sides, nothing buffered, nothing logged."""
    command = nginx_command()
    assert command is not None
    data.mkdir(parents=True)
    port = free_port()
    user = "user root;" if os.getuid() == 0 else ""
    (data / "nginx.conf").write_text(NGINX.format(data=data, vendor=vendor_port, port=port, user=user))
    arguments = [command, "-p", str(data), "-c", str(data / "nginx.conf")]
    with subprocess.Popen(arguments, preexec_fn=first_core) as process, ended(process):  # noqa: PLW1509  no threads here
        for _ in range(200):
            workers = psutil.Process(process.pid).children()
            if workers and _listens(port):
                break
            time.sleep(0.02)
        else:
            raise SystemExit("nginx did not start")
        yield Server("nginx", workers[0].pid, port, "none")


@contextlib.contextmanager
def gateway(
    data: Path,
    vendor_port: int,
    name: str = "entrepot",
    entry: str = "",
    *,
    database: str | None = None,
    fill: Callable[[Settings], None] = lambda _: None,
) -> Iterator[Server]:
    """One gateway worker as `entrepot serve` starts it: keys, call log, usage rows, metrics, all on.

    `entry` is Python that runs in place of the worker's own module. `fill` adds to an installation before that.
    """
    data.mkdir(parents=True)
    settings = Settings(data_dir=str(data), database_url=database)
    key = _prepare(settings, data, vendor_port)
    fill(settings)
    read, ready = os.pipe()
    life, alive = os.pipe()
    with socket.socket() as listener, (data / "calls.log").open("wb") as log:
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)
        handoff = Handoff(
            settings=settings, role="gateway", life_fd=life, ready_fd=ready, listen_fd=listener.fileno(),
            control_path=str(data / "control.sock"), sandbox_port=9, sandbox_secret="nobody",
        )  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", entry] if entry else [sys.executable, "-m", "entrepot.compose.gateway"],
            env={**handoff.environment(), "PYTHONPATH": PATHS, "BENCH_VENDOR": str(vendor_port)},
            pass_fds=(life, ready, listener.fileno()),
            stdout=log,
            preexec_fn=first_core,  # noqa: PLW1509  no threads here
        )
        os.close(ready)
        os.close(life)
        with process, ended(process):
            if not os.read(read, 1):
                raise SystemExit(f"{name} did not start")
            yield Server(name, process.pid, listener.getsockname()[1], key)
        os.close(read)
        os.close(alive)


def _prepare(settings: Settings, data: Path, vendor_port: int) -> str:
    """Tables, a key, a channel to the vendor. The key."""
    config = data / "entrepot.toml"
    config.write_text(CONFIG.format(vendor=vendor_port))
    migrate(settings.database)
    handoff = Handoff(settings=settings, role="prepare", config=str(config))
    command = [sys.executable, "-m", "entrepot.compose.prepare"]
    done = subprocess.run(command, env=handoff.environment(), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Prepared).key or ""


def on_aiohttp(data: Path, vendor_port: int) -> contextlib.AbstractContextManager[Server]:
    """The same worker with aiohttp in our upstream client's place."""
    return gateway(data, vendor_port, "aiohttp", "from bench.gateway_aiohttp import main; main()")


def layer(name: str) -> Callable[[Path, int], contextlib.AbstractContextManager[Server]]:
    """Starts our worker with only some of its parts (gateway_worker.py)."""
    entry = f"from bench.gateway_worker import serve_layer; serve_layer({name!r})"
    return lambda data, vendor_port: gateway(data, vendor_port, name, entry)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0

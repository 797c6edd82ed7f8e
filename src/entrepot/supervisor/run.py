"""`entrepot serve`: prepare the data, open the sockets, start the processes, keep them running.

The supervisor itself stays small: it imports no database, no server, no console. Children
inherit their sockets, so a worker that dies and comes back loses no waiting connection.
Order of stopping: the public socket, so that new connections are refused and not left to hang; then the gateways
(they drain, and the sandbox answers meanwhile), control last.
"""

import asyncio
import secrets
import signal
import sys
from collections.abc import Callable

from entrepot.kit.tasks import TaskGroup
from entrepot.settings import Handoff, Settings
from entrepot.supervisor.banner import banner
from entrepot.supervisor.child import Child
from entrepot.supervisor.sockets import AddressInUseError, Sockets, lock_data, open_sockets

READY_SECONDS = 60.0
WORKER_MARGIN = 25.0
"""Seconds for a worker beyond `drain_timeout`, before it is killed: last words to clients whose calls were ended
(5, relay/forward.py), their last bytes (5, gateway/server.py), journal, database and vendors (10), some air."""
CONTROL_MARGIN = 10.0
"""Seconds for the control process: running answers get 5 (control/serve.py)."""


class ServeError(Exception):
    """The server cannot start; the message says what to do."""


def run(settings: Settings, config: str, say: Callable[[str], None]) -> int:
    """Serve until told to stop. Returns the exit status. Raises ServeError."""
    data = settings.data_path
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with lock_data(data), open_sockets(settings) as sockets:
            return asyncio.run(_serve(settings, config, sockets, say))
    except AddressInUseError as error:
        raise ServeError(str(error)) from None


async def _serve(settings: Settings, config: str, sockets: Sockets, say: Callable[[str], None]) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    report = await _prepare(settings, config)
    make = _handoffs(settings, sockets)
    control = Child("control", "entrepot.compose.control", make("control", 0), sockets.control_fds)
    workers = [
        Child(f"gateway-{index}", "entrepot.compose.gateway", make("gateway", index), sockets.gateway_fds)
        for index in range(settings.workers)
    ]
    everyone = [control, *workers]
    tasks = TaskGroup()
    running = [tasks.spawn(child.keep(stopping), child.name) for child in everyone]
    try:
        await _wait_ready(everyone, stopping)
        if not stopping.is_set():
            say(banner(settings, sockets.address, report))
        await stopping.wait()
    finally:
        stopping.set()
        sockets.public.close()  # the workers close theirs; no child is started any more
        await asyncio.gather(*(child.stop(settings.drain_timeout + WORKER_MARGIN) for child in workers))
        await control.stop(CONTROL_MARGIN)
        await asyncio.gather(*running)
    return 0


async def _wait_ready(children: list[Child], stopping: asyncio.Event) -> None:
    tasks = TaskGroup()
    stop = tasks.spawn(stopping.wait(), "stop")
    ready = asyncio.gather(*(child.ready.wait() for child in children))
    try:
        await asyncio.wait((stop, ready), timeout=READY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done() and not stopping.is_set():
            late = ", ".join(child.name for child in children if not child.ready.is_set())
            raise ServeError(f"not ready after {READY_SECONDS:.0f} s: {late}. The log above says why.")
    finally:
        stop.cancel()
        ready.cancel()


def _handoffs(settings: Settings, sockets: Sockets) -> Callable[[str, int], Handoff]:
    secret = secrets.token_urlsafe(32)

    def make(role: str, index: int) -> Handoff:
        is_control = role == "control"
        return Handoff(
            settings=settings,
            role="control" if is_control else "gateway",
            index=index,
            life_fd=sockets.life_read,
            listen_fd=sockets.control.fileno() if is_control else sockets.public.fileno(),
            control_path=str(sockets.control_path),
            sandbox_fd=sockets.sandbox.fileno() if is_control else -1,
            sandbox_port=sockets.sandbox_port,
            sandbox_secret=secret,
        )

    return make


async def _prepare(settings: Settings, config: str) -> bytes:
    """Migrations, first start and configuration file, in a process of their own: their memory goes with them."""
    handoff = Handoff(settings=settings, role="prepare", config=config)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "entrepot.compose.prepare", stdout=asyncio.subprocess.PIPE, env=handoff.environment()
    )
    out, _ = await child.communicate()
    if child.returncode != 0:
        raise ServeError("the database could not be prepared; the message above says why")
    return out

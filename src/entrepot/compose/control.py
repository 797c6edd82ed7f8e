"""The control process: `/api`, the status page and the sandbox (`python -m entrepot.compose.control`)."""

import asyncio
import socket

from entrepot.compose.process import new_loop, say_ready, stop_signal
from entrepot.control.app import build_app
from entrepot.control.retention.hourly import keep
from entrepot.control.serve import open_services, serve_app
from entrepot.control.services import Sandbox as SandboxPlace
from entrepot.kit.tasks import TaskGroup
from entrepot.observe import logs
from entrepot.sandbox.app import Sandbox
from entrepot.sandbox.serve import serve as serve_sandbox
from entrepot.settings import Handoff, received_handoff


async def _main(handoff: Handoff) -> None:
    stopping = stop_signal(handoff)
    tasks = TaskGroup()
    listener = socket.socket(fileno=handoff.sandbox_fd)
    listener.setblocking(False)
    sandbox = Sandbox(handoff.sandbox_secret)
    serving = tasks.spawn(serve_sandbox(sandbox, listener, stopping), "sandbox")
    public = socket.socket(fileno=handoff.listen_fd)
    public.setblocking(False)
    async with open_services(handoff.settings, SandboxPlace(handoff.sandbox_port, handoff.sandbox_secret)) as services:
        app = build_app(services)
        tasks.spawn(keep(handoff.settings), "retention")
        say_ready(handoff)
        await serve_app(app, public, stopping)
    await serving
    await tasks.close()


def main() -> None:
    """The process's entry."""
    handoff = received_handoff()
    logs.configure(handoff.settings.log_level)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_main(handoff))


if __name__ == "__main__":
    main()

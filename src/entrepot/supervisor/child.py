"""One child process: started, watched, started again when it dies, stopped when told to."""

import asyncio
import logging
import os
import signal
import sys

import msgspec

from entrepot.settings import Handoff

_log = logging.getLogger("entrepot.supervisor")

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0


class Child:
    """Keeps one process running."""

    def __init__(self, name: str, module: str, handoff: Handoff, fds: tuple[int, ...]) -> None:
        self.name = name
        self.ready = asyncio.Event()
        self.restarts = 0
        self._module = module
        self._handoff = handoff
        self._fds = fds
        self._was_ready = False
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def keep(self, stopping: asyncio.Event) -> None:
        """Run until `stopping`; start again after each death, with a growing pause."""
        pause = FIRST_PAUSE
        while not stopping.is_set():
            self._was_ready = False
            code = await self._run_once()
            if stopping.is_set():
                return
            self.restarts += 1
            # One that was ready can do its work: it comes back at once. One that never was would only burn the machine.
            pause = FIRST_PAUSE if self._was_ready else min(pause * 2, LONGEST_PAUSE)
            _log.error("process %s died with status %s; again in %.1f s", self.name, code, pause)
            try:
                async with asyncio.timeout(pause):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def stop(self, patience: float) -> None:
        """SIGTERM, then SIGKILL after `patience` seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience):
                await process.wait()
        except TimeoutError:
            _log.error("process %s did not stop in %.0f s and was killed", self.name, patience)
            process.kill()
            await process.wait()

    async def _run_once(self) -> int:
        read, write = os.pipe()
        handoff = msgspec.structs.replace(self._handoff, ready_fd=write)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                env=handoff.environment(),
                pass_fds=(*self._fds, write),
                start_new_session=True,  # Ctrl-C in a terminal reaches the supervisor only
            )
        finally:
            os.close(write)
        loop = asyncio.get_running_loop()
        loop.add_reader(read, self._on_ready, read)
        try:
            return await self._process.wait()
        finally:
            loop.remove_reader(read)
            os.close(read)
            self.ready.clear()

    def _on_ready(self, read: int) -> None:
        if os.read(read, 1):
            self._was_ready = True
            self.ready.set()
        asyncio.get_running_loop().remove_reader(read)

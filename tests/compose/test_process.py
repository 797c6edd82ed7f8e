"""What every child does: stop at a signal, stop when the supervisor is gone, say that it is ready."""

import asyncio
import os
import resource
import signal

import uvloop

from entrepot.compose.process import new_loop, say_ready, stop_signal
from entrepot.settings import Handoff, Settings


async def test_a_signal_stops() -> None:
    stopping = stop_signal(Handoff(settings=Settings(), role="gateway"))
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(stopping.wait(), 2)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_the_supervisors_death_stops() -> None:
    read, write = os.pipe()
    stopping = stop_signal(Handoff(settings=Settings(), role="gateway", life_fd=read))
    await asyncio.sleep(0.05)
    assert not stopping.is_set()
    os.close(write)
    await asyncio.wait_for(stopping.wait(), 2)
    os.close(read)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def test_ready_is_one_byte_and_the_end() -> None:
    read, write = os.pipe()
    say_ready(Handoff(settings=Settings(), role="gateway", ready_fd=write))
    assert os.read(read, 10) == b"1"
    assert os.read(read, 10) == b""
    os.close(read)


def test_the_loop_is_uvloop() -> None:
    loop = new_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()


def test_a_process_may_open_as_many_files_as_the_system_lets_it() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    try:
        new_loop().close()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

"""What every child process does alike: stop when told, or when the supervisor is gone."""

import asyncio
import contextlib
import os
import resource
import signal

import uvloop

from entrepot.settings import Handoff


def stop_signal(handoff: Handoff) -> asyncio.Event:
    """An event that SIGTERM, SIGINT or the supervisor's death sets."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if handoff.life_fd >= 0:

        def orphaned() -> None:
            loop.remove_reader(handoff.life_fd)
            stopping.set()

        loop.add_reader(handoff.life_fd, orphaned)
    return stopping


def say_ready(handoff: Handoff) -> None:
    """Tell the supervisor."""
    if handoff.ready_fd >= 0:
        os.write(handoff.ready_fd, b"1")
        os.close(handoff.ready_fd)


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop, everywhere, with room for its sockets."""
    raise_open_files()
    return uvloop.new_event_loop()


def raise_open_files() -> None:
    """As many open files as the system lets this process have: shells and services often start with 1,024.

    Each open stream takes two. We never use select(), which is what the low default protects.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS has an `unlimited` that it does not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

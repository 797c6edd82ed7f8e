"""A child process for supervisor tests: says it is ready, then does what its configuration names.

`die`: ends at once with status 3; `obey`: ends at SIGTERM; `ignore`: has to be killed;
`orphan`: ends when the supervisor's pipe closes and leaves a file behind.
"""

import os
import signal
import sys
import time
from pathlib import Path

from entrepot.settings import received_handoff


def main() -> None:
    handoff = received_handoff()
    mode, _, path = handoff.config.partition(":")
    if mode == "ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "obey":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.write(handoff.ready_fd, b"1")
    if mode == "die":
        sys.exit(3)
    if mode == "orphan":
        os.read(handoff.life_fd, 1)
        Path(path).write_text("orphaned")
        return
    while True:
        time.sleep(1)


if __name__ == "__main__":
    main()

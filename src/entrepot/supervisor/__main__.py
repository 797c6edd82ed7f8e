"""`python -m entrepot.supervisor`: what `entrepot serve` becomes; light, since it stays for ever."""

import logging
import sys

from entrepot.settings import SettingsError, received_handoff
from entrepot.supervisor.run import ServeError, run


def main() -> int:
    """Serve; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        handoff = received_handoff()
        return run(handoff.settings, handoff.config, _say)
    except (ServeError, SettingsError) as error:
        sys.stderr.write(f"entrepot: {error}\n")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

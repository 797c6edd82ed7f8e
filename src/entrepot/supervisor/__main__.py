"""`python -m entrepot.supervisor`: what `entrepot serve` becomes; light, since it stays for ever."""

import sys

from entrepot.observe import logs
from entrepot.settings import SettingsError, received_handoff
from entrepot.supervisor.run import ServeError, run


def main() -> int:
    """Serve; the exit status."""
    try:
        handoff = received_handoff()
        logs.configure(handoff.settings.log_level)
        return run(handoff.settings, handoff.config, _say)
    except (ServeError, SettingsError) as error:
        sys.stderr.write(f"entrepot: {error}\n")
        return 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

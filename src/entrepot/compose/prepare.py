"""Before the processes start: migrations, first start, configuration file; prints what it found as JSON.

A process of its own (`python -m entrepot.compose.prepare`), so that what it loads is gone afterwards.
"""

import asyncio
import sys
from pathlib import Path

from entrepot.control.apply import apply
from entrepot.control.bootstrap import bootstrap
from entrepot.control.errors import ControlError
from entrepot.control.serve import open_services
from entrepot.kit import json
from entrepot.observe import logs
from entrepot.settings import Handoff, Prepared, SettingsError, read_file, received_handoff
from entrepot.store.contract import DatabaseUrlError, StoreError
from entrepot.store.migrate import MigrationError, migrate
from entrepot.store.vault import VaultError


async def prepare(handoff: Handoff) -> Prepared:
    """Everything that must be there before a call can be answered. Raises the errors of each step."""
    report = Prepared()
    async with open_services(handoff.settings) as services:
        first = await bootstrap(services)
        if first is not None:
            report.admin_token, report.key = first.admin_token, first.key
        if handoff.config:
            applied = await apply(services, read_file(Path(handoff.config)), handoff.config)
            counts = ", ".join(f"{applied.count(result)} {result}" for result in ("created", "updated", "unchanged"))
            report.notes = [f"{handoff.config}: {counts}", *applied.notes]
    return report


def main() -> int:
    """The exit status."""
    handoff = received_handoff()
    logs.configure(handoff.settings.log_level)
    try:
        migrate(handoff.settings.database)
        report = asyncio.run(prepare(handoff))
    except (ControlError, SettingsError, StoreError, DatabaseUrlError, VaultError, MigrationError, OSError) as error:
        sys.stderr.write(f"entrepot: {error}\n")
        return 1
    sys.stdout.buffer.write(json.encode(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())

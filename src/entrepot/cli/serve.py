"""`entrepot serve`: runs everything behind one port."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from entrepot.cli.session import Chosen, chosen, explained, fail
from entrepot.settings import Handoff, SettingsError


def serve(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file: settings, and tables to load.")] = None,
    data_dir: Annotated[str | None, typer.Option("--data-dir", help="Folder of the data. Default: data.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 0 takes a free one. Default: 3000.")] = None,
    *,
    workers: Annotated[int | None, typer.Option("--workers", help="Gateway processes on the one port. Default: 1.")] = None,
    database_url: Annotated[str | None, typer.Option("--database-url", help="postgresql://… Default: SQLite.")] = None,
    durability: Annotated[str | None, typer.Option("--durability", help="process or fsync. Default: process.")] = None,
) -> None:
    """Run gateway, control and sandbox behind one port, until SIGTERM or Ctrl-C."""
    before = chosen(ctx)
    options = {"data_dir": data_dir, "host": host, "port": port, "workers": workers}
    options |= {"database_url": database_url, "durability": durability}
    said = {name: value for name, value in options.items() if value is not None}
    file = config or before.config
    try:
        settings = Chosen(file, {**before.overrides, **said}).settings()
    except (SettingsError, OSError) as error:
        fail(explained(error))
    handoff = Handoff(settings=settings, role="supervisor", config=str(file) if file else "")
    # The supervisor stays for ever: it takes this process's place without this program's libraries.
    os.execve(sys.executable, [sys.executable, "-m", "entrepot.supervisor"], handoff.environment())  # noqa: S606

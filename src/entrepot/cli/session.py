"""What every command needs: the same settings as the server, the database opened, errors as one line."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from entrepot.control.bootstrap import foundation
from entrepot.control.errors import ControlError
from entrepot.control.opening import open_services
from entrepot.control.services import Services, Transaction
from entrepot.settings import Settings, SettingsError, load
from entrepot.store.contract import StoreError
from entrepot.store.migrate import MigrationError, current, head, migrate
from entrepot.store.vault import VaultError

_Result = TypeVar("_Result")
EXPECTED = (ControlError, SettingsError, StoreError, VaultError, MigrationError, DBAPIError, OSError, ValueError)
"""What a command may run into; anything else is a bug and shows its trace."""


class Chosen(msgspec.Struct, frozen=True):
    """The options before the command's name."""

    config: Path | None = None
    overrides: dict[str, Any] = {}

    def settings(self) -> Settings:
        """The settings as the server would read them. Raises SettingsError."""
        return load(self.config, overrides=self.overrides)


def chosen(ctx: typer.Context) -> Chosen:
    """What the options before the command's name say."""
    found = ctx.find_object(Chosen)
    return found if found is not None else Chosen()


def on_services(ctx: typer.Context, work: Callable[[Services], Awaitable[_Result]]) -> _Result:
    """Run `work` on the database, with or without a server running. Errors end the command."""

    async def opened(settings: Settings) -> _Result:
        async with open_services(settings) as services:
            return await work(services)

    try:
        settings = chosen(ctx).settings()
        _ready_database(settings)
        return asyncio.run(opened(settings))
    except EXPECTED as error:
        fail(explained(error))


def in_transaction(ctx: typer.Context, work: Callable[[Transaction], Awaitable[_Result]]) -> _Result:
    """Run `work` in one transaction."""

    async def begun(services: Services) -> _Result:
        async with services.transaction() as tx:
            return await work(tx)

    return on_services(ctx, begun)


def in_view(ctx: typer.Context, work: Callable[[Transaction], Awaitable[_Result]]) -> _Result:
    """Run `work` on one consistent view; blocks no writer."""

    async def begun(services: Services) -> _Result:
        async with services.reading() as tx:
            return await work(tx)

    return on_services(ctx, begun)


def fail(message: str, code: int = 1) -> NoReturn:
    """One line to standard error, and the exit code."""
    Console(stderr=True, soft_wrap=True, highlight=False).print("[bold red]error:[/]", end=" ")
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(message)
    raise typer.Exit(code)


def explained(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, DBAPIError):
        error = error.orig if isinstance(error.orig, Exception) else error
    text = " ".join(str(error).split())
    return text or type(error).__name__


def typed_secret(value: str) -> str:
    """A secret as it was given; `-` reads it from standard input, so that it stays out of the shell's history."""
    return sys.stdin.readline().strip() if value == "-" else value


def _ready_database(settings: Settings) -> None:
    """Make a database where there is none; one of another age is not touched. Raises MigrationError."""
    found = current(settings.database)
    if found == head():
        return
    if found is not None:
        raise MigrationError(
            f"the database is at revision {found}, this program needs {head()}: stop the server, then run `entrepot migrate`"
        )
    settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrate(settings.database)
    where = settings.data_path if settings.database_url is None else "the database"
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"made a new installation in {where}")
    asyncio.run(_found(settings))


async def _found(settings: Settings) -> None:
    async with open_services(settings) as services, services.transaction() as tx:
        await foundation(tx)

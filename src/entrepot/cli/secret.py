"""`entrepot secret …`: the key that encrypts vendor keys in the database."""

import asyncio

import typer

from entrepot.cli.output import say
from entrepot.cli.session import EXPECTED, chosen, explained, fail
from entrepot.settings import Settings
from entrepot.store import vault
from entrepot.store.raw import open_database

app = typer.Typer(no_args_is_help=True, help="The key that encrypts vendor keys in the database.")


@app.callback()
def about() -> None:
    """Keeps `rotate` a command of its own."""


@app.command(epilog="Example: entrepot secret rotate")
def rotate(ctx: typer.Context) -> None:
    """Encrypt all vendor keys anew with a fresh key.

    With `secret.key` in the data directory a new key is made and put on top of it. With
    ENTREPOT_SECRET_KEYS put the new key first there, start every node with both, then run this.
    """
    try:
        changed = asyncio.run(_rotated(chosen(ctx).settings()))
    except EXPECTED as error:
        fail(explained(error))
    say(f"{changed} vendor keys encrypted anew; the old key is not needed any more once every node has restarted")


async def _rotated(settings: Settings) -> int:
    database = await open_database(settings.database)
    try:
        opened = await vault.open_vault(settings, database)  # refuses where the key is not the database's
        if not settings.secret_keys:
            opened = vault.add_key(settings.data_path / "secret.key")
        return await vault.rotate(database, opened)
    finally:
        await database.close()

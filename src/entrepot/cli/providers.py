"""`entrepot providers`: the vendors that a channel may name."""

import typer

from entrepot.cli.output import Json, show_page
from entrepot.control.channels.vendors import list_vendors
from entrepot.control.pages import Page
from entrepot.providers.catalogue import load_catalogue


def providers(ctx: typer.Context, *, as_json: Json = False) -> None:  # noqa: ARG001 every command takes it
    """List the vendors that a channel may name; `tested` ones have a recording in the test-suite."""
    page = Page(data=list_vendors(load_catalogue()))
    show_page(page, ("name", "label", "base_url", "operations", "aliases", "keyless", "tested"), as_json=as_json)

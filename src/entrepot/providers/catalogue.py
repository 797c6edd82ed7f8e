"""All providers: the rows of compatible.toml, and those that need code."""

import tomllib
from importlib.resources import files
from typing import Protocol

import msgspec

from entrepot.core.provider import Provider
from entrepot.providers import anthropic
from entrepot.providers.anthropic import Anthropic
from entrepot.providers.azure import Azure
from entrepot.providers.compatible import Compatible, Row
from entrepot.providers.gemini import Gemini


class Listed(Provider, Protocol):
    """A provider with what an operator needs to set up a channel."""

    row: Row

    def base_url(self, given: str) -> str:
        """The base URL to use for what an operator gave; the default for nothing. Raises ValueError."""
        ...


def load_rows() -> dict[str, Row]:
    """The rows of compatible.toml by name. Raises msgspec.ValidationError for an unknown or wrong field."""
    text = files("entrepot.providers").joinpath("compatible.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Row])


def load_catalogue() -> dict[str, Listed]:
    """Every provider by name and alias. Raises ValueError where two claim one name."""
    found: dict[str, Listed] = {}
    everyone: list[Listed] = [Compatible(name, row) for name, row in load_rows().items()]
    everyone += [
        Azure(),
        Anthropic("anthropic", anthropic.ANTHROPIC),
        Anthropic("anthropic-compatible", anthropic.OTHERS),
        Gemini(),
    ]
    for provider in everyone:
        for name in (provider.name, *provider.row.aliases):
            if name in found:
                raise ValueError(f"two providers are called {name!r}")
            found[name] = provider
    return found


def base_url(provider: Listed, given: str) -> str:
    """The base URL to use for what an operator gave; the provider's own for nothing. Raises ValueError."""
    return provider.base_url(given)

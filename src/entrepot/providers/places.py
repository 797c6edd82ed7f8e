"""Where vendors are: the question that a snapshot asks of the catalogue."""

from collections.abc import Mapping

from entrepot.providers.catalogue import Listed


class Places:
    """Implements snapshot.load.Places."""

    __slots__ = ("_catalogue",)

    def __init__(self, catalogue: Mapping[str, Listed]) -> None:
        self._catalogue = catalogue

    def base_url(self, provider: str, base_url: str) -> str:
        """The absolute URL that calls start with. Raises LookupError, ValueError."""
        found = self._catalogue.get(provider)
        if found is None:
            raise LookupError(f"no provider is called {provider!r}")
        return found.base_url(base_url)

"""Where vendors are: the snapshot's question, answered by the catalogue."""

from collections.abc import Mapping

from entrepot.providers.catalogue import Listed
from entrepot.settings import Handoff


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


def self_urls(handoff: Handoff) -> dict[str, tuple[str, str]]:
    """`self:sandbox`: its address in this run of the server, and the secret it asks for."""
    if not handoff.sandbox_port:
        return {}
    return {"self:sandbox": (f"http://127.0.0.1:{handoff.sandbox_port}/v1", handoff.sandbox_secret)}

"""The catalogue as operators see it: a vendor by name or alias, with the nearest one where there is none."""

from collections.abc import Mapping

from entrepot.control.channels.schemas import ProviderView
from entrepot.control.errors import InvalidError, suggestion
from entrepot.core.http import parse_origin
from entrepot.providers.addresses import SANDBOX
from entrepot.providers.catalogue import Listed


def find_vendor(catalogue: Mapping[str, Listed], name: str) -> Listed:
    """The vendor of this name or alias. Raises InvalidError."""
    vendor = catalogue.get(name) or catalogue.get(name.strip().lower())
    if vendor is None:
        hint = suggestion(name.lower(), catalogue) or " `entrepot providers` lists them; `compatible` takes any base_url."
        raise InvalidError(f"provider: there is no provider {name!r}.{hint}", "provider")
    return vendor


def check_complete(vendor: Listed, base_url: str, *, has_keys: bool) -> None:
    """Can a channel work with this? Raises InvalidError that names what is missing."""
    try:
        url = vendor.base_url(base_url)
        if url != SANDBOX:
            parse_origin(url)
    except ValueError as error:
        raise InvalidError(f"base_url: {error}", "base_url") from None
    if not has_keys and not vendor.row.keyless and url != SANDBOX:
        raise InvalidError(f"keys: the provider {vendor.name!r} needs at least one key", "keys")


def list_vendors(catalogue: Mapping[str, Listed]) -> list[ProviderView]:
    """All vendors by name."""
    return [_view(vendor) for name, vendor in sorted(catalogue.items()) if vendor.name == name]


def _view(vendor: Listed) -> ProviderView:
    row = vendor.row
    return ProviderView(
        name=vendor.name,
        label=row.label,
        base_url=row.base_url,
        models=list(row.models),
        aliases=list(row.aliases),
        keyless=row.keyless,
        operations=sorted(vendor.operations),
        tested=bool(row.tested),
        docs=row.docs,
    )

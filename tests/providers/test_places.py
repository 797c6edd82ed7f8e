"""Where vendors are, asked of the real catalogue."""

import pytest

from entrepot.providers.catalogue import load_catalogue
from entrepot.providers.places import Places


def test_defaults_given_urls_and_nonsense() -> None:
    places = Places(load_catalogue())
    assert places.base_url("deepseek", "").startswith("https://api.deepseek.com")
    assert places.base_url("compatible", "http://10.0.0.1:8000/v1") == "http://10.0.0.1:8000/v1"
    with pytest.raises(LookupError, match="no-such"):
        places.base_url("no-such", "")
    with pytest.raises(ValueError):
        places.base_url("compatible", "ftp://x")

"""Where vendors are, asked of the real catalogue."""

import pytest

from entrepot.compose.places import Places, self_urls
from entrepot.providers.catalogue import load_catalogue
from entrepot.settings import Handoff, Settings


def test_defaults_given_urls_and_nonsense() -> None:
    places = Places(load_catalogue())
    assert places.base_url("deepseek", "").startswith("https://api.deepseek.com")
    assert places.base_url("compatible", "http://10.0.0.1:8000/v1") == "http://10.0.0.1:8000/v1"
    with pytest.raises(LookupError, match="no-such"):
        places.base_url("no-such", "")
    with pytest.raises(ValueError):
        places.base_url("compatible", "ftp://x")


def test_the_sandbox_is_where_this_run_put_it() -> None:
    handoff = Handoff(settings=Settings(), role="gateway", sandbox_port=4711, sandbox_secret="s")
    assert self_urls(handoff) == {"self:sandbox": ("http://127.0.0.1:4711/v1", "s")}
    assert self_urls(Handoff(settings=Settings(), role="gateway")) == {}

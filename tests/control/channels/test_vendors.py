"""The catalogue as operators see it."""

import pytest

from entrepot.control.channels.vendors import check_complete, find_vendor, list_vendors
from entrepot.control.errors import InvalidError
from entrepot.providers.catalogue import load_catalogue

CATALOGUE = load_catalogue()


def test_by_name_alias_and_case() -> None:
    assert find_vendor(CATALOGUE, "deepseek").name == "deepseek"
    assert find_vendor(CATALOGUE, "DeepSeek").name == "deepseek"
    assert find_vendor(CATALOGUE, "custom").name == "compatible"
    with pytest.raises(InvalidError, match="Did you mean 'deepseek'"):
        find_vendor(CATALOGUE, "deepsek")
    with pytest.raises(InvalidError, match="entrepot providers"):
        find_vendor(CATALOGUE, "qqqqqq")


def test_each_vendor_is_listed_once() -> None:
    names = [view.name for view in list_vendors(CATALOGUE)]
    assert names == sorted(set(names))
    assert {"openai", "deepseek", "azure", "compatible", "sandbox"} <= set(names)
    assert "custom" not in names


def test_what_a_channel_needs() -> None:
    openai, anything = CATALOGUE["openai"], CATALOGUE["compatible"]
    check_complete(openai, "", has_keys=True)
    check_complete(openai, "self:sandbox", has_keys=False)
    check_complete(anything, "http://127.0.0.1:8000", has_keys=False)
    for vendor, base_url, has_keys, param in (
        (openai, "", False, "keys"),
        (anything, "", True, "base_url"),
        (openai, "ftp://x", True, "base_url"),
        (openai, "http://", True, "base_url"),
        (openai, "http://user:password@host/v1", True, "base_url"),
        (openai, "http://host:99999/v1", True, "base_url"),
    ):
        with pytest.raises(InvalidError) as caught:
            check_complete(vendor, base_url, has_keys=has_keys)
        assert caught.value.param == param, base_url

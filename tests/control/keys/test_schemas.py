"""What a key may say."""

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.keys.schemas import KeyCreate, KeyUpdate
from entrepot.control.problems import read


def test_group_is_another_word_for_groups() -> None:
    assert read(KeyCreate, {"group": "vip"}).groups == ["vip"]
    assert read(KeyCreate, {"group": ["vip", "default"]}).groups == ["vip", "default"]
    with pytest.raises(InvalidError, match="give one"):
        read(KeyCreate, {"group": "vip", "groups": ["vip"]})


def test_networks_become_canonical() -> None:
    assert read(KeyUpdate, {"ips": ["10.1.2.3/8", "::1", "192.0.2.7"]}).ips == ["10.0.0.0/8", "::1/128", "192.0.2.7/32"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"ips": ["10.0.0.0/33"]}, "ips.0"),
        ({"quota": "-1"}, "quota"),
        ({"quota": 5}, "quota"),
        ({"rpm": 0}, "rpm"),
        ({"rpm": "60"}, "rpm"),
        ({"rpm": True}, "rpm"),
        ({"expires": "soon"}, "expires"),
        ({"expires": "999999w"}, "expires"),
        ({"secret": "short"}, "secret"),
        ({"secret": "with a space in it"}, "secret"),
        ({"models": ["a\x00b"]}, "models.0"),
        ({"models": "gpt-4o"}, "models"),
        ({"name": "\ud800"}, "name"),
        ({"status": "gone"}, "status"),
    ],
)
def test_wrong_values_are_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(KeyCreate, dict(fields))
    assert caught.value.param == param


def test_quota_and_unlimited_exclude_each_other() -> None:
    assert read(KeyCreate, {"unlimited": True}).quota is None
    with pytest.raises(InvalidError, match="exclude each other"):
        read(KeyCreate, {"unlimited": True, "quota": "5"})

"""Fields know their place, and say it."""

import pytest

from entrepot.core.call import Peek
from entrepot.core.faults import Fault
from entrepot.dialects.shared.fields import Field, read_body, unsaid
from entrepot.kit import json

BODY = Field({"a": [{"b": 1}, None, {"b": "x"}], "n": None, "f": 2.0, "t": True}, "")


def refused(field: Field, method: str) -> str | None:
    with pytest.raises(Fault) as raised:
        getattr(field, method)()
    assert raised.value.status == 400
    return raised.value.param


def test_absent_and_null_are_no_field() -> None:
    assert BODY.get("x") is None
    assert BODY.get("n") is None
    assert BODY.get("x", "f") is not None
    assert BODY.string("x") == ""


def test_places() -> None:
    items = list(BODY.need("a").items())
    assert [item.path for item in items] == ["a[0]", "a[2]"]
    assert refused(items[0].need("b"), "text") == "a[0].b"
    assert refused(items[1].need("b"), "integer") == "a[2].b"
    assert refused(BODY.need("t"), "integer") == "t"
    assert refused(BODY.need("a"), "object") == "a"
    with pytest.raises(Fault) as raised:
        items[0].need("c", "d")
    assert raised.value.param == "a[0].c"


def test_a_float_without_fraction_is_an_integer() -> None:
    assert BODY.need("f").integer() == 2
    with pytest.raises(Fault):
        Field(1.5, "x").integer()
    with pytest.raises(Fault):
        Field(float("inf"), "x").integer()


def test_bodies() -> None:
    members = json.members(b'{"a":1,"b":null,"c":[]}')
    assert read_body(members).need("a").integer() == 1
    assert unsaid(Peek("m", stream=False, members=members), frozenset(("a",))) == ("c",)

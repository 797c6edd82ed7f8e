"""Answers are read leniently."""

import pytest

from entrepot.core.faults import Fault
from entrepot.dialects.shared.answers import decode_object, list_of, object_of, text_of, whole_of


def test_what_surprises_is_nothing() -> None:
    assert (text_of(5), whole_of("x"), object_of([]), list_of({})) == ("", 0, {}, [])
    assert list_of([{"a": 1}, 2, None]) == [{"a": 1}]
    assert whole_of(2.0) == 2


def test_json_as_vendors_write_it() -> None:
    assert decode_object(b'{"a":NaN,"b":"\\ud800"}') == {"a": None, "b": "\N{REPLACEMENT CHARACTER}"}
    for bad in (b"[]", b"no", b""):
        with pytest.raises(Fault):
            decode_object(bad)

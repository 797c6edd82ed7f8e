"""Keyset pages."""

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.pages import number_cursor, page_of


def test_a_full_page_names_its_last_row() -> None:
    assert page_of(["a", "b", "c"], 2, ["1", "2", "3"]).model_dump() == {"data": ["a", "b"], "next": "2"}
    assert page_of(["a", "b"], 2, ["1", "2"]).next is None
    assert page_of([], 2, []).model_dump() == {"data": [], "next": None}


def test_cursors() -> None:
    assert (number_cursor(None), number_cursor("12")) == (0, 12)
    for cursor in ("", "-1", "x", "1.5", "9" * 19, "²"):
        with pytest.raises(InvalidError):
            number_cursor(cursor)

"""Keyset pagination: a page says where the next one begins, so that new rows never shift it."""

from typing import Generic, TypeVar

from pydantic import BaseModel

from entrepot.control.errors import InvalidError

Item = TypeVar("Item")
MOST = 500
"""Rows a page."""


class Page(BaseModel, Generic[Item]):
    """Some rows, and the cursor of the rows after them."""

    data: list[Item]
    next: str | None = None
    """Pass as `after`; null on the last page."""


def page_of(items: list[Item], limit: int, cursors: list[str]) -> Page[Item]:
    """A page from up to `limit` + 1 items, each with its own cursor."""
    more = len(items) > limit
    return Page(data=items[:limit], next=cursors[limit - 1] if more else None)


def number_cursor(cursor: str | None) -> int:
    """A cursor that is a row id; 0 at the beginning. Raises InvalidError."""
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 18:
        raise InvalidError("after: is not a cursor of this list", "after")
    return int(cursor)

"""Finds what serves a name: exact names by one look-up, wildcards by prefix, the rest one by one."""

from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from entrepot.kit import patterns

T = TypeVar("T")


class _Group(Generic[T]):
    """The patterns of one group. Equal patterns of many channels are looked at once."""

    __slots__ = ("exact", "lengths", "others", "prefixes")

    def __init__(self) -> None:
        self.exact: dict[str, list[T]] = {}
        self.prefixes: dict[str, list[T]] = {}
        """`gpt-4*` under `gpt-4`."""
        self.lengths: set[int] = set()
        """Of the prefixes: one slice and one look-up each."""
        self.others: dict[str, list[T]] = {}
        """A star elsewhere than at the end."""

    def add(self, pattern: str, item: T) -> None:
        if "*" not in pattern:
            self.exact.setdefault(pattern, []).append(item)
        elif pattern.find("*") == len(pattern) - 1:
            self.prefixes.setdefault(pattern[:-1], []).append(item)
            self.lengths.add(len(pattern) - 1)
        else:
            self.others.setdefault(pattern, []).append(item)

    def find(self, name: str) -> Iterable[list[T]]:
        yield self.exact.get(name, [])
        for length in self.lengths:
            if length <= len(name):
                yield self.prefixes.get(name[:length], [])
        for pattern, items in self.others.items():
            if patterns.matches(pattern, name):
                yield items


class Index(Generic[T]):
    """Items under (group, pattern). Built once, then only read."""

    __slots__ = ("_groups", "_order")

    def __init__(self) -> None:
        self._groups: dict[str, _Group[T]] = {}
        self._order: dict[int, int] = {}

    @property
    def groups(self) -> Collection[str]:
        """Groups that have anything at all."""
        return self._groups.keys()

    def add(self, group: str, names: Iterable[str], item: T) -> None:
        """Put an item under several patterns of a group."""
        self._order.setdefault(id(item), len(self._order))
        entry = self._groups.setdefault(group, _Group())
        for pattern in names:
            entry.add(pattern, item)

    def find(self, group: str, name: str) -> list[T]:
        """All items that serve the name, each once, in the order they were added."""
        entry = self._groups.get(group)
        if entry is None:
            return []
        found = {id(item): item for items in entry.find(name) for item in items}
        return [found[key] for key in sorted(found, key=self._order.__getitem__)]

    def exact_names(self, group: str) -> Iterable[str]:
        """The names without a star."""
        entry = self._groups.get(group)
        return entry.exact.keys() if entry is not None else ()

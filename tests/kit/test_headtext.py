"""Heads searched as text."""

import pytest

from entrepot.kit.headtext import NO_HEAD, HeadText, Names

TEXT = (
    b"POST /host: HTTP/1.1\r\nHost: a\r\nX-Api-Key:\t k \r\nX-Host: b\r\nEmpty:\r\nx-forwarded-for: 1\r\nA: host: c\r\n"
    b"X-Forwarded-For:2\r\n\r\n"
)


WANTED = Names(b"host", b"x-api-key", b"empty", b"a", b"x-forwarded-for", b"missing", b"post /host")


@pytest.fixture(params=["found at once", "searched for"])
def head(request: pytest.FixtureRequest) -> HeadText:
    return HeadText(TEXT, WANTED if request.param == "found at once" else Names(b"nothing"))


def test_a_header_is_found_whatever_its_case_and_the_spaces_around_it(head: HeadText) -> None:
    assert head.get(b"host") == b"a"
    assert head.get(b"x-api-key") == b"k"
    assert head.get(b"empty") == b""
    assert head.get(b"a") == b"host: c"
    assert head.get(b"missing") is None
    assert head.get(b"post /host") is None


def test_lines_of_one_name(head: HeadText) -> None:
    assert head.all(b"x-forwarded-for") == [b"1", b"2"]
    assert head.get(b"x-forwarded-for") == b"1"
    assert head.all(b"missing") == []
    assert (head.count(b"x-forwarded-for"), head.count(b"host"), head.count(b"missing")) == (2, 1, 0)


def test_one_of_several() -> None:
    head = HeadText(TEXT, WANTED)
    assert head.has(frozenset((b"missing", b"empty")))
    assert not head.has(frozenset((b"missing",)))


def test_all_of_them(head: HeadText) -> None:
    assert head.lines == 7
    assert head.pairs()[:3] == [(b"host", b"a"), (b"x-api-key", b"k"), (b"x-host", b"b")]


def test_no_head() -> None:
    empty = NO_HEAD
    assert (empty.get(b"host"), empty.count(b"host"), empty.all(b"host"), empty.lines, empty.pairs()) == (None, 0, [], 0, [])

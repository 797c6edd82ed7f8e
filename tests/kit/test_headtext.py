"""Heads searched as text."""

from entrepot.kit.headtext import HeadText

HEAD = HeadText(
    b"POST /host: HTTP/1.1\r\nHost: a\r\nX-Api-Key:\t k \r\nX-Host: b\r\nEmpty:\r\nx-forwarded-for: 1\r\nA: host: c\r\n"
    b"X-Forwarded-For:2\r\n\r\n"
)


def test_a_header_is_found_whatever_its_case_and_the_spaces_around_it() -> None:
    assert HEAD.get(b"host") == b"a"
    assert HEAD.get(b"x-api-key") == b"k"
    assert HEAD.get(b"empty") == b""
    assert HEAD.get(b"a") == b"host: c"
    assert HEAD.get(b"missing") is None
    assert HEAD.get(b"post /host") is None


def test_lines_of_one_name() -> None:
    assert HEAD.all(b"x-forwarded-for") == [b"1", b"2"]
    assert HEAD.all(b"missing") == []
    assert (HEAD.count(b"x-forwarded-for"), HEAD.count(b"host"), HEAD.count(b"missing")) == (2, 1, 0)


def test_all_of_them() -> None:
    assert HEAD.lines == 7
    assert HEAD.pairs()[:3] == [(b"host", b"a"), (b"x-api-key", b"k"), (b"x-host", b"b")]


def test_no_head() -> None:
    empty = HeadText(b"")
    assert (empty.get(b"host"), empty.count(b"host"), empty.all(b"host"), empty.lines, empty.pairs()) == (None, 0, [], 0, [])

"""The kinds of values that resources take."""

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.fields import (
    BaseUrl,
    HeaderMap,
    Label,
    Moment,
    Name,
    Network,
    Proxy,
    Ratio,
    Spec,
    Text,
    UnlessUnlimited,
    Usd,
    parse_moment,
)
from entrepot.control.fields import show_moment as show
from entrepot.control.problems import read

START = 1_800_000_000_000_000


class Everything(Spec):
    name: Name = "n"
    label: Label = "l"
    text: Text = ""
    network: Network = "::1"
    usd: Usd = "0"
    quota: UnlessUnlimited[Usd] = None
    ratio: Ratio = "1"
    moment: Moment = "never"
    base_url: BaseUrl = ""
    proxy: Proxy = ""
    headers: HeaderMap = {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
        ("2027-01-31T12:00:00+08:00", "2027-01-31T04:00:00Z"),
        ("2027-01-31", "2027-01-31T00:00:00Z"),
        ("90m", "2027-01-15T09:30:00Z"),
        ("12h", "2027-01-15T20:00:00Z"),
        ("30d", "2027-02-14T08:00:00Z"),
        ("1w", "2027-01-22T08:00:00Z"),
        ("never", None),
    ],
)
def test_moments(text: str, shown: str | None) -> None:
    assert show(parse_moment(text, START)) == shown


@pytest.mark.parametrize(
    "text", ["", "d", "30", "-1d", "1969-12-31", "99999999-01-01", "999999w", "30 d", "tomorrow", "9999999h"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        parse_moment(text, START)


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("name", " gpt 4 ", "gpt 4"),
        ("name", "openai/gpt-4o", "openai/gpt-4o"),
        ("label", "东区", "东区"),
        ("network", "2001:db8::1/32", "2001:db8::/32"),
        ("usd", "0.000000001", "0.000000001"),
        ("quota", "5", "5"),
        ("quota", None, None),
        ("quota", "unlimited", None),
        ("proxy", "socks5h://u:p@h:1", "socks5h://u:p@h:1"),
        ("headers", {"X-A": "b"}, {"x-a": "b"}),
    ],
)
def test_taken(field: str, value: object, kept: object) -> None:
    assert getattr(read(Everything, {field: value}), field) == kept


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "a\x7fb"),
        ("name", "x" * 129),
        ("label", "a/b"),
        ("text", "a\x00"),
        ("text", "x" * 4001),
        ("network", "10.0.0.0/33"),
        ("network", "host.example"),
        ("usd", "0.0000000001"),
        ("usd", "1e30"),
        ("usd", 1),
        ("usd", "ten"),
        ("quota", "-1"),
        ("quota", "none"),
        ("ratio", "-0.1"),
        ("ratio", 1.5),
        ("moment", "soon"),
        ("base_url", "http://a b"),
        ("base_url", "http://a\x00"),
        ("proxy", "localhost:3128"),
        ("proxy", "socks5://"),
        ("proxy", "http://a\r\nb"),
        ("headers", {"": "x"}),
        ("headers", {"a": "b\n"}),
        ("headers", {"a": "你好"}),
    ],
)
def test_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidError) as caught:
        read(Everything, {field: value})
    assert caught.value.param == field

"""Whole answers of any dialect: one with the fewest words of its own."""

import json
from typing import Any

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import NOTHING, Basis, Usage
from entrepot.dialects.shared.whole import TAIL, WholeTap
from entrepot.kit.json import Members

BODY = b'{"model":"vendor", "said": ["hello"], "usage": {"in": 3}}'


class Plain(WholeTap):
    """A dialect whose usage is `in`."""

    def usage_of(self, fields: dict[str, Any]) -> Usage | None:
        return Usage(input=fields["in"]) if "in" in fields else None

    def error(self, members: Members, data: bytes) -> Fault:
        return Fault(Kind.VENDOR_LIED)

    def counted(self) -> Usage:
        return Usage(output=len(bytes(self.found)), basis=Basis.COUNTED)


def plain(show: str | None = None, **how: Any) -> Plain:
    return Plain(Tapping(stream=False, show_model=show, show_cost=how.pop("show_cost", False)), "said", **how)


def test_an_answer_passes_and_is_read() -> None:
    tap = plain()
    assert tap.feed(BODY) + tap.end() == BODY
    assert (tap.content, tap.done, tap.fault, tap.usage) == (True, True, None, Usage(input=3))
    assert tap.counted().output == len('["hello"]')
    assert tap.cutoff() == b""
    assert plain(metered=False).usage is NOTHING


def test_the_name_is_shown() -> None:
    tap = plain("public")
    assert tap.feed(BODY) + tap.end() == BODY.replace(b"vendor", b"public")


def test_a_vendors_cost_waits_for_ours() -> None:
    tap = plain(show_cost=True)
    assert tap.feed(BODY.replace(b'"in": 3', b'"in": 3, "cost": 9')) + tap.end() == b""
    assert json.loads(tap.last("0.5"))["usage"] == {"in": 3, "cost": 0.5}
    assert tap.last("0.5") == b""


@pytest.mark.parametrize("body", [b'{"said":"hello"}', b'{"other":[]}'])
def test_what_lacks_the_answer_is_an_error(body: bytes) -> None:
    tap = plain()
    tap.feed(body)
    assert tap.fault is not None
    assert not tap.done


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Kind.VENDOR_TRUNCATED),
        (BODY[:-9], Kind.VENDOR_TRUNCATED),
        (b"[1]", Kind.VENDOR_GARBAGE),
        (b"no", Kind.VENDOR_GARBAGE),
    ],
)
def test_what_cannot_be_read(body: bytes, kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        plain().feed(body)
    assert caught.value.kind is kind


def test_nothing_came() -> None:
    with pytest.raises(Fault) as caught:
        plain().end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_a_large_one_in_pieces() -> None:
    body = BODY.replace(b"hello", b"hello" * 30_000)
    tap = plain("public", limit=1000)
    pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    out = b"".join(map(tap.feed, pieces))
    assert len(body) - len(out) >= TAIL - 5000
    assert out + tap.end() == body.replace(b"vendor", b"public")
    assert tap.usage == Usage(input=3)
    cut = plain(limit=1000)
    cut.feed(body[:5000])
    with pytest.raises(Fault, match="ended before"):
        cut.end()

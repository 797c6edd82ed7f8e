"""A vendor's request under way."""

from entrepot.core.ask import Ask
from entrepot.core.conversion import Target
from entrepot.dialects.shared.body import Body, safe_name


def test_what_is_given_is_set_or_named() -> None:
    body = Body(Ask("m"), Target("m"))
    body.put("a", 0)
    body.put("b", None)
    body.put("c", "")
    body.put("d", 1.5, refused=True)
    assert (body.fields, tuple(body.dropped)) == ({"a": 0}, ("d",))


def test_names_are_made_safe_and_remembered() -> None:
    body = Body(Ask("m"), Target("m"))
    assert body.name("plain-name_1") == "plain-name_1"
    assert body.name("ns.tool/x") == "ns_tool_x"
    assert body.renamed == {"ns_tool_x": "ns.tool/x"}
    assert len(safe_name("x" * 100)) == 64
    assert safe_name("") == "tool"


def test_names_that_become_alike_stay_apart() -> None:
    body = Body(Ask("m"), Target("m"))
    first, second = body.name("a.b"), body.name("a/b")
    assert first != second
    assert {body.renamed[first], body.renamed[second]} == {"a.b", "a/b"}
    assert body.name("a.b") == first

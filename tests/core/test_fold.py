"""Events fold to one message."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.core.ask import Citation, Proof, Text, Thinking, ToolCall
from entrepot.core.events import Begin, CallBegin, CallDelta, Cited, Counted, Delta, Event, Finish, Proved, Score, Scored
from entrepot.core.fold import Fold
from entrepot.core.usage import Usage


def test_words_of_one_kind_become_one_part() -> None:
    events = [
        Begin("id", "m", 5),
        Delta("thinking", "a"),
        Delta("thinking", "b"),
        Delta("text", "x"),
        Delta("text", "y"),
        Finish("stop"),
    ]
    fold = Fold().feed(events)
    assert fold.begin == Begin("id", "m", 5)
    assert fold.choices[0].parts() == [Thinking("ab"), Text("xy")]
    assert (fold.choices[0].text(), fold.choices[0].thinking(), fold.choices[0].reason) == ("xy", "ab", "stop")


def test_a_proof_ends_its_thinking() -> None:
    first, second = Proof("anthropic", "1"), Proof("anthropic", "2")
    fold = Fold().feed([Delta("thinking", "a"), Proved("thinking", first), Proved("thinking", second), Delta("text", "x")])
    assert fold.choices[0].parts() == [Thinking("a", first), Thinking("", second), Text("x")]


def test_calls_grow_side_by_side_and_are_never_empty() -> None:
    proof = Proof("gemini", "s")
    events: list[Event] = [
        CallBegin(0, "c0", "f"),
        CallBegin(1, "c1", "g"),
        CallDelta(0, '{"a":'),
        Proved("call", proof, index=1),
        CallDelta(0, "1}"),
        CallBegin(2, "c2", "patch", custom=True),
    ]
    fold = Fold().feed(events)
    assert fold.choices[0].calls() == [
        ToolCall("c0", "f", '{"a":1}'),
        ToolCall("c1", "g", "{}", proof=proof),
        ToolCall("c2", "patch", "", custom=True),
    ]


def test_the_last_count_holds_and_choices_stay_apart() -> None:
    cited = Citation("https://example.com")
    events: list[Event] = [
        Begin(usage=Usage(input=3)),
        Delta("text", "b", choice=1),
        Delta("text", "a"),
        Cited(cited),
        Scored((Score("a", -0.5),)),
        Counted(Usage(input=3, output=2)),
        Counted(Usage(input=3, output=4)),
        Finish("stop"),
        Finish("length", choice=1),
    ]
    fold = Fold().feed(events)
    assert fold.usage == Usage(input=3, output=4)
    assert fold.choices[0].parts() == [Text("a", citations=(cited,))]
    assert fold.choices[0].scores == [Score("a", -0.5)]
    assert fold.choices[1].text() == "b"
    assert fold.choices[1].reason == "length"


@given(st.lists(st.text(min_size=1), max_size=8), st.lists(st.integers(1, 5), max_size=8))
def test_where_the_stream_is_cut_does_not_matter(words: list[str], cuts: list[int]) -> None:
    events: list[Event] = [Delta("text", word) for word in words]
    whole, pieces = Fold().feed(events), Fold()
    for cut in cuts:
        pieces.feed(events[:cut])
        events = events[cut:]
    pieces.feed(events)
    assert {i: c.text() for i, c in whole.choices.items()} == {i: c.text() for i, c in pieces.choices.items()}

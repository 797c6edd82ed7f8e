"""The normal form of a conversation."""

from entrepot.core.ask import Media, Text, ToolCall, ToolResult, Turn
from entrepot.dialects.shared import turns


def test_sides_alternate_and_empty_turns_vanish() -> None:
    spoken = [Turn("user", (Text("a"),)), Turn("assistant", ()), Turn("user", (Text("b"),)), Turn("assistant", (Text("c"),))]
    assert turns.merged(spoken) == (Turn("user", (Text("a"), Text("b"))), Turn("assistant", (Text("c"),)))


def test_results_get_their_tools_name() -> None:
    spoken = [Turn("assistant", (ToolCall("1", "f", "{}"),)), Turn("user", (ToolResult("1"), ToolResult("2")))]
    assert turns.merged(spoken)[1].parts == (ToolResult("1", "f"), ToolResult("2"))


def test_media_are_found_in_results_too() -> None:
    one, two = Media("image", url="https://a"), Media("image", url="https://b")
    assert list(turns.media_of([Turn("user", (one, ToolResult("1", content=(Text("t"), two))))])) == [one, two]
    assert turns.text_of((Text("a"), one, Text("b"))) == "ab"

"""Our own count of what a client was given."""

from entrepot.core.usage import Basis
from entrepot.dialects.shared.openai_chunk import Delta, Function, ToolCall
from entrepot.dialects.shared.openai_delivered import Delivered


def test_text_and_thought_apart() -> None:
    delivered = Delivered()
    delivered.text.add("a" * 40)
    delivered.add_rarer(Delta(reasoning_content="b" * 80, reasoning="the same again" * 10))
    usage = delivered.usage()
    assert (usage.output, usage.reasoning, usage.input, usage.basis) == (10, 20, 0, Basis.COUNTED)


def test_calls_count_once_however_many_pieces_they_come_in() -> None:
    whole, pieces = Delivered(), Delivered()
    whole.add_rarer(Delta(tool_calls=[ToolCall(Function("weather", '{"city":"Paris"}'))]))
    pieces.add_rarer(Delta(tool_calls=[ToolCall(Function("weather", ""))]))
    for letter in '{"city":"Paris"}':
        pieces.add_rarer(Delta(tool_calls=[ToolCall(Function(None, letter))]))
    assert whole.usage() == pieces.usage()
    assert whole.usage().output == 8 + round(23 / 4)


def test_refusals_and_legacy_calls() -> None:
    delivered = Delivered()
    delivered.add_rarer(
        Delta(refusal="I cannot help with that request.", function_call=Function("f", "{}"), tool_calls=[ToolCall()])
    )
    assert delivered.usage().output > 10

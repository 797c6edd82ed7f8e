"""Our own count of what was delivered."""

import json

from entrepot.core.usage import Basis
from entrepot.dialects.anthropic.delivered import Delivered
from entrepot.dialects.anthropic.events import Block, block
from tests.dialects.anthropic.recordings import answers, recorded_usage
from tests.shared import requires_shared


def test_text_thought_and_calls() -> None:
    delivered = Delivered()
    delivered.begin(Block(type="thinking", thinking="hmm " * 10))
    delivered.begin(Block(type="text", text="word " * 20))
    text, thought = delivered.usage().output, delivered.usage().reasoning
    assert (text, thought) == (25, 10)
    found = block({"type": "tool_use", "name": "get_weather", "input": {"city": "Paris"}})
    assert found is not None
    delivered.begin(found)
    usage = delivered.usage()
    assert 40 < usage.output - text < 60
    assert usage.basis is Basis.COUNTED


def test_results_of_server_tools_are_not_what_the_model_wrote() -> None:
    delivered = Delivered()
    found = block({"type": "web_search_tool_result", "content": [{"encrypted_content": "x" * 5000}]})
    assert found is not None
    delivered.begin(found)
    assert delivered.usage().output == 0


@requires_shared
def test_the_count_is_near_the_vendors() -> None:
    counted = recorded = 0
    for recording in answers(stream=False):
        expected = recorded_usage(recording)
        blocks = [found for item in json.loads(recording.body)["content"] if (found := block(item)) is not None]
        # Thinking is shown as a summary, and server tools write what is not in the answer.
        if any(found.type not in ("text", "tool_use") for found in blocks) or expected.thinking:
            continue
        delivered = Delivered()
        for found in blocks:
            delivered.begin(found)
        counted += delivered.usage().output_total
        recorded += expected.output
    assert recorded > 5_000
    assert 0.8 < counted / recorded < 1.2, (counted, recorded)

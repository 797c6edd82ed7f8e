"""Legacy completions: only the model is needed."""

from entrepot.core.dialect import Changes
from entrepot.dialects.openai_completions import OpenAICompletions


def test_a_prompt_may_be_left_out() -> None:
    dialect = OpenAICompletions()
    peek = dialect.peek(b'{"model":"babbage-002","stream":true}')
    assert peek.stream
    assert (
        dialect.patch(peek, Changes(ask_usage=True))
        == b'{"model":"babbage-002","stream":true,"stream_options":{"include_usage":true}}'
    )

"""Embeddings: never streamed, input needed."""

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault
from entrepot.dialects.openai_embeddings import OpenAIEmbeddings


@pytest.mark.parametrize("given", ['"text"', '["a","b"]', "[1,2]", "[[1],[2]]"])
def test_every_form_of_input(given: str) -> None:
    assert OpenAIEmbeddings().peek(f'{{"model":"m","input":{given},"encoding_format":"base64"}}'.encode()).stream is False


def test_input_is_needed() -> None:
    with pytest.raises(Fault, match="Missing required parameter: 'input'") as caught:
        OpenAIEmbeddings().peek(b'{"model":"m"}')
    assert caught.value.param == "input"


def test_data_is_the_answer() -> None:
    tap = OpenAIEmbeddings().tap(Tapping(stream=False))
    tap.feed(b'{"object":"list","data":[{"embedding":"AAAA"}],"model":"m","usage":{"prompt_tokens":4,"total_tokens":4}}')
    assert tap.done
    assert tap.usage is not None
    assert tap.usage.kinds() == {"input": 4}

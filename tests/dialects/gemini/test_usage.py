"""Usage on Gemini's base, there and back."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.core.usage import Usage
from entrepot.dialects.gemini.usage import read_usage, write_usage

_COUNT = st.integers(0, 100_000)


def test_thoughts_are_beside_the_candidates_and_the_cache_inside_the_prompt() -> None:
    fields = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 7,
        "thoughtsTokenCount": 5,
        "toolUsePromptTokenCount": 3,
    }
    assert read_usage(fields) == Usage(input=63, cache_read=40, output=7, reasoning=5)


def test_modalities() -> None:
    details = [{"modality": "AUDIO", "tokenCount": 30}, {"modality": "IMAGE", "tokenCount": 20}]
    fields = {
        "promptTokenCount": 60,
        "promptTokensDetails": details,
        "candidatesTokenCount": 50,
        "candidatesTokensDetails": details,
    }
    assert read_usage(fields) == Usage(input=10, audio_input=30, image_input=20, audio_output=30, image_output=20)


def test_nothing_counted_is_no_usage() -> None:
    assert read_usage({"promptTokenCount": 0}) is None


@given(_COUNT, _COUNT, _COUNT, _COUNT)
def test_written_and_read_again(plain: int, read: int, output: int, thought: int) -> None:
    usage = Usage(input=plain, cache_read=read, output=output, reasoning=thought)
    if usage != Usage():
        assert read_usage(write_usage(usage)) == usage

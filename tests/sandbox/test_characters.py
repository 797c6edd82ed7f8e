"""Each character in conversation, through the official SDK."""

import base64
import time

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from entrepot.kit import json
from entrepot.sandbox import characters
from entrepot.sandbox.names import read
from entrepot.sandbox.sound import RATE


class Person(BaseModel):
    name: str
    age: int
    nickname: str | None
    friends: list["Person"]


def hello(text: str = "Hello!") -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


async def test_echo_repeats(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/echo", messages=hello("Grüße, 世界 🚢"))
    assert answer.choices[0].message.content == "Grüße, 世界 🚢"


@pytest.mark.parametrize(
    ("model", "text", "tokens", "gap"),
    [
        ("story", "Tell me a story", 200, 0.01),
        ("story:2000@50", "500 tokens", 2000, 0.02),
        ("story", "about 500 tokens, 20 a second please", 500, 0.05),
        ("story", "20 tokens per second", 200, 0.05),
        ("story", "@1000", 200, 0.001),
        ("story:5@0", "as fast as it goes", 5, 0.0),
        ("story", "What happened at 1900?", 200, 0.01),
    ],
)
def test_a_story_is_as_long_and_fast_as_asked(model: str, text: str, tokens: int, gap: float) -> None:
    name = read(model)
    assert name is not None
    told = characters.story(text, name)
    assert told.text is not None
    assert told.text.count == tokens
    assert told.gap == pytest.approx(gap)


async def test_a_story_keeps_its_pace(sdk: AsyncOpenAI) -> None:
    begun = time.monotonic()
    stream = await sdk.chat.completions.create(model="sandbox/story:40@100", messages=hello(), stream=True)
    first = None
    async for _ in stream:
        first = first or time.monotonic()
    assert first is not None
    assert first - begun < 0.3
    assert 0.35 < time.monotonic() - begun < 1.5


async def test_json_fits_a_pydantic_model(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.parse(model="sandbox/json", messages=hello(), response_format=Person)
    parsed = answer.choices[0].message.parsed
    assert parsed is not None
    assert parsed.name == "Ada Lovelace"
    assert parsed.friends


async def test_json_object(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/json", messages=hello(), response_format={"type": "json_object"})
    assert json.decode(answer.choices[0].message.content or "")["answer"] == "Hello!"


async def test_think_reasons_first_and_as_long_as_told(sdk: AsyncOpenAI) -> None:
    spent: list[int] = []
    for effort in ("none", "low", "high"):
        answer = await sdk.chat.completions.create(model="sandbox/think", messages=hello(), reasoning_effort=effort)
        assert answer.usage is not None
        assert answer.usage.completion_tokens_details is not None
        reasoning = answer.usage.completion_tokens_details.reasoning_tokens or 0
        assert answer.usage.completion_tokens == reasoning + 2
        assert (answer.choices[0].message.model_extra or {}).get("reasoning_content", "") != "" or effort == "none"
        assert answer.choices[0].message.content == "Hello!"
        spent.append(reasoning)
    assert spent == [0, 24, 160]


async def test_think_streams_reasoning_before_content(sdk: AsyncOpenAI) -> None:
    kinds: list[str] = []
    async for chunk in await sdk.chat.completions.create(model="sandbox/think", messages=hello(), stream=True):
        delta = chunk.choices[0].delta
        if (delta.model_extra or {}).get("reasoning_content"):
            kinds.append("reasoning")
        elif delta.content:
            kinds.append("content")
    assert kinds == sorted(kinds, reverse=True)
    assert kinds.count("reasoning") == 64
    assert kinds.count("content") == 2


async def test_audio_speaks(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(
        model="sandbox/audio", messages=hello(), modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    )
    message = answer.choices[0].message
    assert message.content is None
    assert message.audio is not None
    assert base64.b64decode(message.audio.data)[:4] == b"RIFF"
    assert message.audio.transcript == "Hello!"
    assert message.audio.expires_at > answer.created
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.audio_tokens == answer.usage.completion_tokens > 0


async def test_audio_streams(sdk: AsyncOpenAI) -> None:
    transcript, data, ends = "", b"", 0
    stream = await sdk.chat.completions.create(
        model="sandbox/audio",
        messages=hello(),
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "pcm16"},
        stream=True,
    )
    async for chunk in stream:
        sound = (chunk.choices[0].delta.model_dump() or {}).get("audio") or {}
        transcript += sound.get("transcript") or ""
        data += base64.b64decode(sound.get("data") or "")
        ends += sound.get("expires_at") is not None
    assert (transcript, len(data), ends) == ("Hello!", RATE // 2, 1)


async def test_audio_without_the_modality_writes(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/audio", messages=hello())
    assert answer.choices[0].message.content == "Hello!"
    assert answer.choices[0].message.audio is None

"""Prompts: texts by class of byte, pictures and sounds by their size, links; against the counts of vendors."""

import base64
import os
from typing import Any

import pytest

from entrepot.billing.prompt import Prompt, read_prompt
from entrepot.core.counting import Tally
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.kit import json
from tests.dialects.recordings import CHAT
from tests.shared import corpus, requires_shared

WORDS = "The quick brown fox jumps over the lazy dog. "


def prompt_tokens(body: bytes) -> int:
    return read_prompt(json.members(body)).tokens


def count_text(text: str) -> int:
    tally = Tally()
    tally.add(text)
    return tally.tokens


def user(content: Any, **more: Any) -> bytes:
    return json.encode({"messages": [{"role": "user", "content": content, **more}]})


def test_pictures_and_sounds_are_not_text() -> None:
    data = base64.b64encode(os.urandom(300_000)).decode()
    picture = {"messages": [{"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}]}]}
    sound = {"messages": [{"content": [{"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}}]}]}
    for body in (picture, sound):
        assert 1000 < prompt_tokens(json.encode(body)) < 4000
    links = {"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}] * 3}]}
    assert 3000 <= prompt_tokens(json.encode(links)) < 3300


def test_a_pdf_is_pages_of_text() -> None:
    """A page of 30 KB is some 2,350 tokens at Anthropic's; a picture of that size would be 400."""
    data = base64.b64encode(b"%PDF-1.7\n" + os.urandom(300_000)).decode()
    bodies = [
        user([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}]),
        user([{"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}}]),
        user([{"type": "tool_result", "content": [{"type": "document", "source": {"type": "base64", "data": data}}]}]),
    ]
    assert [23_500 <= prompt_tokens(body) < 30_000 for body in bodies] == [True] * len(bodies)


def test_pictures_wherever_they_stand() -> None:
    data = base64.b64encode(os.urandom(300_000)).decode()
    url = f"data:image/png;base64,{data}"
    part = {"type": "image_url", "image_url": {"url": url}}
    bodies = [
        user([{"type": "text", "text": WORDS * 10}, part]),
        user(WORDS, images=[part]),  # as some vendors answer
        user([part]).replace(b"/", b"\\/"),  # as some encoders write
        json.encode({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]}),
        json.encode({"image": url}),
    ]
    assert [1000 < prompt_tokens(body) < 4000 for body in bodies] == [True] * len(bodies)


def test_a_text_that_looks_like_a_picture_is_text() -> None:
    """What a client writes as text is read as text by the vendor, and charged like that."""
    data = base64.b64encode(os.urandom(30_000)).decode()
    for content in (data, [{"type": "text", "text": data}]):
        assert prompt_tokens(user(content)) > 9000


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize(
    "text", [WORDS * 50, "你好，世界。" * 200, "Čeština je krásná. " * 100, "Mixed 混合 text 文字. " * 100]
)
def test_a_text_counts_the_same_however_it_is_written(text: str, parts: bool, escaped: bool) -> None:
    body = user([{"type": "text", "text": text}] if parts else text)
    if escaped:
        body = body.decode().encode("ascii", "backslashreplace").replace(b"\\x", b"\\u00")
    assert prompt_tokens(body) == pytest.approx(count_text(text), rel=0.05, abs=25)
    assert prompt_tokens(json.encode({"input": text})) == pytest.approx(count_text(text), rel=0.15, abs=25)


def test_an_hour_is_found_in_parts_tools_and_system() -> None:
    hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    bodies: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", **hour}]}]},
        {"tools": [{"name": "f", "input_schema": {}, **hour}]},
        {"system": [{"type": "text", "text": "x", **hour}]},
        hour,
    ]
    assert [read_prompt(json.members(json.encode(body))).hour for body in bodies] == [True] * 4
    assert not read_prompt(
        json.members(user([{"type": "text", "text": "ttl 1h", "cache_control": {"type": "ephemeral"}}]))
    ).hour


def test_whatever_stands_there_is_counted() -> None:
    """Bytes that no vendor would take are held for as text; nothing is raised here."""
    odd = [
        b'{"messages":5555555555555555555555555555}',
        b'{"messages":[[1,2,3,4,5,6,7,8,9,10,11,12]]}',
        b'{"messages":[{"content":[1,2,3,4,5,6,"seven"]}]}',
    ]
    for body in odd:
        assert prompt_tokens(body) == pytest.approx(len(body) / 4, abs=8)
    assert read_prompt({}) == Prompt(0, hour=False)


def test_letters_that_look_like_data_are_text() -> None:
    assert prompt_tokens(json.encode({"input": "a b " * 1000})) >= 1000
    assert prompt_tokens(json.encode({"input": "你好" * 1000})) > 1200


@requires_shared
def test_prompts_of_recordings_are_not_underestimated_by_much() -> None:
    """Text prompts against the vendors' own counts: the sum is on the safe side, and few calls are far below."""
    low = seen = vendor = ours = 0
    for name in CHAT:
        for record in corpus(name):
            body, answer = record.get("request_json"), record.get("response_json")
            usage = answer.get("usage") if isinstance(answer, dict) else None
            if not isinstance(body, dict) or not usage or not usage.get("prompt_tokens") or "messages" not in body:
                continue
            encoded = json.encode(body)
            if b"image_url" in encoded or b"input_audio" in encoded or b"file" in encoded or b"video" in encoded:
                continue
            tokens = read_prompt(OpenAIChat().peek(encoded).members).tokens
            seen += 1
            vendor += usage["prompt_tokens"]
            ours += tokens
            low += tokens * 2 < usage["prompt_tokens"]
    assert seen > 100
    assert vendor * 0.75 < ours < vendor * 1.5, (vendor, ours)
    assert low < seen * 0.15, (low, seen)

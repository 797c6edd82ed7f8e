"""What is made of messages: text, pictures described, tokens counted."""

import base64
import struct

import msgspec
import pytest

from entrepot.sandbox.listening import audio_tokens, last_user_text, picture_size, prompt_tokens
from entrepot.sandbox.requests import ChatRequest

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 32, 16)
JPEG = (
    b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"J" * 14 + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, 24, 48) + b"\x03" * 12
)


def asking(*content: object) -> ChatRequest:
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": list(content)}]
    return msgspec.convert({"model": "echo", "messages": messages}, ChatRequest)


def picture(kind: str, data: bytes) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"type": "text", "text": "hi"}, "hi"),
        (picture("png", PNG), "[image 640x480 png]"),
        (picture("gif", GIF), "[image 32x16 gif]"),
        (picture("jpg", JPEG), "[image 48x24 jpeg]"),
        (picture("png", b"nothing like it"), "[image png]"),
        (picture("png", PNG[:12]), "[image png]"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,@@@@"}}, "[image png]"),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "[image url]"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, "[audio mp3]"),
        ({"type": "file", "file": {"filename": "a.pdf"}}, "[file a.pdf]"),
        ({"type": "something_new"}, "[something_new]"),
    ],
)
def test_parts_are_described(part: object, said: str) -> None:
    assert last_user_text(asking(part)) == said


def test_the_last_user_message_counts() -> None:
    messages = [
        {"role": "user", "content": "one"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "three"},
    ]
    assert last_user_text(msgspec.convert({"model": "echo", "messages": messages}, ChatRequest)) == "two"
    assert last_user_text(msgspec.convert({"model": "echo", "messages": messages[2:]}, ChatRequest)) == "three"


def test_tokens_of_a_prompt() -> None:
    words = asking({"type": "text", "text": "four little words here"})
    more = asking({"type": "text", "text": "four little words here"}, {"type": "input_audio", "input_audio": {"data": ""}})
    assert prompt_tokens(words) == 3 + (4 + 3) + (4 + 4)
    assert prompt_tokens(more) == prompt_tokens(words) + 85
    assert (audio_tokens(words), audio_tokens(more)) == (0, 85)


def test_a_file_without_a_picture_has_no_size() -> None:
    assert picture_size(b"") is None
    assert picture_size(b"\xff\xd8\xff\xe0\x00\x10") is None

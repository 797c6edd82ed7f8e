"""What the user said: text of messages, pictures described, and how many tokens it was."""

import base64
import binascii
import re
import struct

from entrepot.sandbox.requests import ChatRequest, Message, Part
from entrepot.sandbox.wording import count

_DATA_URL = re.compile(r"data:image/([\w.+-]+);base64,")
_HEAD = 65_536
"""Characters of a picture that are looked at for its size."""
_FORMAT_TOKENS = 4
_PART_TOKENS = 85


def text_of(message: Message) -> str:
    """A message's text; other parts are described in brackets."""
    if isinstance(message.content, str):
        return message.content
    return "\n".join(_said(part) for part in message.content or [])


def last_user_text(request: ChatRequest) -> str:
    """What the user said last, or the last message's text where no user spoke."""
    for message in reversed(request.messages):
        if message.role == "user":
            return text_of(message)
    return text_of(request.messages[-1]) if request.messages else ""


def prompt_tokens(request: ChatRequest) -> int:
    """Tokens of the whole conversation."""
    total = 3
    for message in request.messages:
        total += _FORMAT_TOKENS
        if isinstance(message.content, str):
            total += count(message.content)
        elif message.content:
            total += sum(count(part.text) if part.text is not None else _PART_TOKENS for part in message.content)
        for call in message.tool_calls or ():
            called = call.function or call.custom
            total += _FORMAT_TOKENS + count(called.arguments if called else "")
    return total


def audio_tokens(request: ChatRequest) -> int:
    """Tokens of the prompt that are sound."""
    parts = [part for message in request.messages if isinstance(message.content, list) for part in message.content]
    return _PART_TOKENS * sum(part.input_audio is not None for part in parts)


def _said(part: Part) -> str:
    if part.text is not None:
        return part.text
    if part.image_url is not None:
        return _picture(part.image_url.url)
    if part.input_audio is not None:
        return f"[audio {part.input_audio.format}]"
    if part.file is not None:
        return f"[file {part.file.filename or part.file.file_id or ''}]".replace(" ]", "]")
    return part.refusal or f"[{part.type}]"


def _picture(url: str) -> str:
    match = _DATA_URL.match(url)
    if match is None:
        return "[image url]"
    coded = url[match.end() : match.end() + _HEAD]
    try:
        data = base64.b64decode(coded[: len(coded) - len(coded) % 4], validate=True)
        size = picture_size(data)
    except (binascii.Error, struct.error):
        size = None
    kind = match[1].replace("jpg", "jpeg")
    return f"[image {size[0]}x{size[1]} {kind}]" if size else f"[image {kind}]"


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of PNG, GIF or JPEG, from the first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """JPEG keeps it in the start-of-frame segment (C0 … CF but C4, C8, CC), behind others of known length."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None

"""Spoken output: a quarter second of a 440 Hz tone, long enough to be real and short enough to send."""

import base64
import math
import struct

from entrepot.sandbox.replies import Sound
from entrepot.sandbox.wording import count

RATE = 24_000
"""Samples a second; `pcm16` of OpenAI has this rate."""
_SAMPLES = RATE // 4


def speak(text: str, packed: str, *, stream: bool) -> Sound:
    """The tone as WAV, or as bare samples for `pcm16` (a stream has no other form at OpenAI).

    Other formats need an encoder that is not here: they come as WAV too.
    """
    bare = stream or packed == "pcm16"
    return Sound(_PCM_TEXT if bare else _WAV_TEXT, text, 5 + count(text))


def wav(samples: bytes) -> bytes:
    """16-bit mono samples with a RIFF header."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def _tone() -> bytes:
    """Rises and falls, so that it does not click."""
    wave = (int(8000 * math.sin(math.pi * at / _SAMPLES) * math.sin(2 * math.pi * 440 * at / RATE)) for at in range(_SAMPLES))
    return struct.pack(f"<{_SAMPLES}h", *wave)


_PCM = _tone()
_PCM_TEXT = base64.b64encode(_PCM).decode()
_WAV_TEXT = base64.b64encode(wav(_PCM)).decode()

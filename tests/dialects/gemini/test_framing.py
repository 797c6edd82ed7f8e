"""Streams as one JSON array."""

from entrepot.core.dialect import Tapping
from entrepot.dialects.gemini.generate import GeminiGenerate
from entrepot.kit import json
from tests.dialects.gemini.asking import said

FRAMES = [said({"text": "a"}), said({"text": "b"}), {**said(finishReason="STOP"), "usageMetadata": {"promptTokenCount": 1}}]


def test_frames_become_items() -> None:
    tap = GeminiGenerate().tap(Tapping(stream=True, array=True))
    body = b"".join(b"data: " + json.encode(frame) + b"\r\n\r\n" for frame in FRAMES)
    out = b"".join(tap.feed(body[start : start + 9]) for start in range(0, len(body), 9)) + tap.end() + tap.last("1")
    assert json.decode(out) == FRAMES
    assert tap.done
    assert tap.content
    assert tap.fault is None
    assert tap.usage is not None


def test_a_cut_off_closes_the_array() -> None:
    tap = GeminiGenerate().tap(Tapping(stream=True, array=True))
    out = tap.feed(b"data: " + json.encode(FRAMES[0]) + b"\r\n\r\n") + tap.cutoff()
    assert json.decode(out)[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert tap.counted().output == 1
    assert tap.last("1") == b""  # the relay asks for it after a cut-off: the array is closed already

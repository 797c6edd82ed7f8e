"""The tone is a WAV that the standard library can read."""

import base64
import io
import wave

from entrepot.sandbox.sound import RATE, speak


def test_the_wav_can_be_read() -> None:
    with wave.open(io.BytesIO(base64.b64decode(speak("hi", "wav", stream=False).data))) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (RATE, 1, 2)
        samples = sound.readframes(sound.getnframes())
    assert len(samples) == sound.getnframes() * 2 == RATE // 2
    assert base64.b64decode(speak("hi", "pcm16", stream=False).data) == samples
    assert base64.b64decode(speak("hi", "wav", stream=True).data) == samples

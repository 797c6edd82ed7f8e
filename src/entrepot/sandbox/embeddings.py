"""POST /v1/embeddings: unit vectors from hashes, the same for the same text on every machine.

A text's vector is the sum of its words' vectors, so texts that share words are near each other:
enough to try a semantic search for free.
"""

import base64
import hashlib
import math
import struct
from functools import lru_cache
from typing import Any

from entrepot.sandbox.answers import Answer, Refusal, Stamp, refusal, whole
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.names import Name
from entrepot.sandbox.requests import EmbeddingRequest
from entrepot.sandbox.wording import count

DIMENSIONS = 256
MAX_DIMENSIONS = 4096
MAX_INPUTS = 2048
_MAX_WORDS = 256
"""Words of one text that shape its vector."""


def answer(request: EmbeddingRequest, _name: Name, _stamp: Stamp, faults: Faults) -> Answer:
    """One vector for each input. Raises Refusal (400)."""
    size = DIMENSIONS if request.dimensions is None else request.dimensions
    if not 1 <= size <= MAX_DIMENSIONS:
        raise refusal(400, f"Invalid 'dimensions': it is 1 to {MAX_DIMENSIONS}.", "dimensions", "invalid_value")
    texts = inputs(request.input)
    vectors = [vector(text if isinstance(text, str) else " ".join(map(str, text)), size) for text in texts]
    packed = request.encoding_format == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _base64(values) if packed else values}
        for index, values in enumerate(vectors)
    ]
    tokens = sum(count(text) if isinstance(text, str) else len(text) for text in texts)
    document: dict[str, Any] = {"object": "list", "data": data, "model": request.model}
    if not faults.no_usage:
        document["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return whole(document)


def inputs(given: str | list[str | int | list[int]]) -> list[str | list[int]]:
    """The texts or token lists that want a vector or an answer each. Raises Refusal (400)."""
    if isinstance(given, str):
        texts: list[str | list[int]] = [given]
    elif given and all(isinstance(item, int) for item in given):
        texts = [[item for item in given if isinstance(item, int)]]
    else:
        texts = [item for item in given if not isinstance(item, int)]
        if len(texts) != len(given):
            raise _invalid()
    if not texts or not all(texts) or len(texts) > MAX_INPUTS:
        raise _invalid()
    return texts


def vector(text: str, size: int) -> list[float]:
    """A vector of length 1, in float32's precision."""
    words = text.lower().split()[:_MAX_WORDS] or [text]
    total = [0.0] * size
    for word in words:
        total = [have + more for have, more in zip(total, _word(word, size), strict=True)]
    length = math.sqrt(sum(value * value for value in total)) or 1.0
    return list(struct.unpack(f"<{size}f", struct.pack(f"<{size}f", *(value / length for value in total))))


@lru_cache(maxsize=512)
def _word(word: str, size: int) -> tuple[int, ...]:
    return struct.unpack(f"<{size}h", hashlib.shake_128(word.encode("utf-8", "surrogatepass")).digest(2 * size))


def _base64(values: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def _invalid() -> Refusal:
    message = f"Invalid 'input': a text, a list of tokens, or 1 to {MAX_INPUTS} of either; none may be empty."
    return refusal(400, message, "input", "invalid_value")

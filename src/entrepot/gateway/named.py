"""Paths that name the model and what to do with it, as Gemini's clients write them: /v1beta/models/{model}:{method}.

Source: ai.google.dev, "Gemini API reference"; google-genai's _api_client.py (v1beta by default, v1 and v1alpha by option).
"""

from collections.abc import Mapping

import msgspec

from entrepot.core.call import Operation

_PREFIXES = ("/v1beta/models/", "/v1/models/", "/v1alpha/models/", "/v1beta/tunedModels/", "/v1beta1/models/", "/models/")
_METHODS: Mapping[str, Operation] = {
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "generate_count",
}
_LONGEST = 256


class Named(msgspec.Struct, frozen=True):
    """What a path says."""

    operation: Operation
    model: str = ""
    stream: bool = False
    array: bool = False
    """As a JSON array: without `alt=sse`."""


NOT_NAMED = Named("chat")
"""The path says nothing of the kind."""


def read_named(path: str, query: bytes) -> Named | None:
    """What such a path says, or None for another one."""
    prefix = next((known for known in _PREFIXES if path.startswith(known)), None)
    if prefix is None:
        return None
    model, colon, method = path[len(prefix) :].rpartition(":")
    operation = _METHODS.get(method)
    if not colon or operation is None or not model or len(model) > _LONGEST:
        return None
    stream = method == "streamGenerateContent"
    return Named(operation, model, stream, stream and b"alt=sse" not in query)

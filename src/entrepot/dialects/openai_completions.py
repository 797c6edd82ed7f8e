"""OpenAI's legacy completions: POST /v1/completions, streamed and whole.

`prompt` may be left out (a model's own beginning of text), so only the model is needed.
Source: OpenAI's API reference, "Create completion".
"""

from entrepot.dialects.shared.openai_family import OpenAIFamily


class OpenAICompletions(OpenAIFamily):
    """Legacy completions."""

    name = "openai_completions"
    streams = True

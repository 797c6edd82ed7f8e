"""Counting tokens in Anthropic's format: POST /v1/messages/count_tokens, never streamed, free of charge, without usage.

Source: platform.claude.com/docs, "Count tokens in a Message".
"""

from entrepot.core.dialect import Tap, Tapping
from entrepot.dialects.anthropic.messages import AnthropicMessages
from entrepot.dialects.anthropic.whole import WholeTap
from entrepot.kit import json


class AnthropicCount(AnthropicMessages):
    """Token counting."""

    name = "anthropic_count_tokens"
    streams = False

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """A count by class of byte: good to some 20 %, for vendors that do not count."""
        return json.encode({"input_tokens": prompt_tokens})

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        return WholeTap(how, "input_tokens", metered=False)

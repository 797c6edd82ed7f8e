"""OpenAI's legacy completions: POST /v1/completions, streamed and whole.

`prompt` may be left out (a model's own beginning of text), so only the model is needed.
Source: OpenAI's API reference, "Create completion".
"""

import msgspec

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.dialects.shared import bodies, openai_requests
from entrepot.dialects.shared.openai_family import OpenAIFamily
from entrepot.kit.json import Members


class OpenAICompletions(OpenAIFamily):
    """Legacy completions."""

    name = "openai_completions"
    streams = True

    def choices(self, members: Members) -> int:
        """Each prompt of a list is answered `n` times; with `best_of` so many are written, and billed, for one."""
        n = bodies.read_count(members, "n") or 1
        best_of = bodies.read_count(members, "best_of") or 1
        return max(n, best_of) * openai_requests.count_prompts(members.get("prompt"))

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed. Only chat has another name for the cap."""
        if changes.max_output is not None:
            changes = msgspec.structs.replace(changes, cap_field="max_tokens")
        return super().patch(peek, changes)

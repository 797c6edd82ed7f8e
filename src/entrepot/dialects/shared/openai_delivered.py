"""What a client has been given, counted by ourselves: the base of a bill where the vendor counts nothing."""

from entrepot.core.counting import Tally
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.shared.openai_chunk import Delta

_TOKENS_PER_CALL = 8
"""What a tool call costs beside its name and arguments, about: the median over recordings of OpenAI's models."""


class Delivered:
    """Text and thought, as they pass."""

    __slots__ = ("_calls", "text", "thought")

    def __init__(self) -> None:
        self.text = Tally()
        self.thought = Tally()
        self._calls = 0

    def add_rarer(self, delta: Delta) -> None:
        """All of a delta but its content."""
        if thought := delta.reasoning_content or delta.reasoning:
            self.thought.add(thought)
        if delta.refusal:
            self.text.add(delta.refusal)
        functions = [call.function for call in delta.tool_calls or ()]
        functions.append(delta.function_call)
        for function in functions:
            if function is not None:
                if function.name:
                    self._calls += 1
                    self.text.add(function.name)
                self.text.add(function.arguments or "")

    def usage(self) -> Usage:
        """The count; what went in is not known here."""
        return Usage(
            output=self.text.tokens + _TOKENS_PER_CALL * self._calls, reasoning=self.thought.tokens, basis=Basis.COUNTED
        )

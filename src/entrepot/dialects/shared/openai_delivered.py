"""What a client has been given, counted by ourselves: the base of a bill where the vendor counts nothing."""

from entrepot.core.counting import Tally
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.shared.openai_chunk import Delta


class Delivered:
    """Text and thought, as they pass."""

    __slots__ = ("text", "thought")

    def __init__(self) -> None:
        self.text = Tally()
        self.thought = Tally()

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
                self.text.add(function.name or "")
                self.text.add(function.arguments or "")

    def usage(self) -> Usage:
        """The count; what went in is not known here."""
        return Usage(output=self.text.tokens, reasoning=self.thought.tokens, basis=Basis.COUNTED)

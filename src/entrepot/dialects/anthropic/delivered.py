"""What a client has been given, counted by ourselves: the base of a bill where no vendor's count came."""

from entrepot.core.counting import Tally, count_json
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.anthropic.events import CALLS, Block

_TOKENS_PER_CALL = 43
"""What a tool call costs beside its name and input, about: the median over recordings of Anthropic's models."""


class Delivered:
    """Text, thought and tool calls, as they pass. What server tools found is input, and not counted here."""

    __slots__ = ("_calls", "_whole", "text", "thought")

    def __init__(self) -> None:
        self.text = Tally()
        self.thought = Tally()
        self._calls = 0
        self._whole = 0
        """Tokens of inputs that came in one piece."""

    def begin(self, block: Block) -> None:
        """A block begins, with what its start already holds."""
        if block.type in CALLS:
            self._calls += 1
            self.text.add(block.name or "")
            self._whole += count_json(bytes(block.input)) if len(block.input) > len(b"{}") else 0
        self.text.add(block.text or "")
        self.thought.add(block.thinking or "")

    def usage(self) -> Usage:
        """The count; what went in is not known here."""
        return Usage(
            output=self.text.tokens + self._whole + _TOKENS_PER_CALL * self._calls,
            reasoning=self.thought.tokens,
            basis=Basis.COUNTED,
        )

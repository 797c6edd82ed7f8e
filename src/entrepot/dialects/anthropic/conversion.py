"""Anthropic Messages as one side of a conversion (contract: core/conversion.py)."""

from collections.abc import Sequence

from entrepot.core.ask import Ask, Media
from entrepot.core.call import Operation, Peek
from entrepot.core.conversion import Reading, Target, Writing, Written
from entrepot.dialects.anthropic.asked import read_ask
from entrepot.dialects.anthropic.blocks import NAME
from entrepot.dialects.anthropic.body import write_body
from entrepot.dialects.anthropic.reader import MessagesReader
from entrepot.dialects.anthropic.writer import StreamWriter, WholeWriter


class AnthropicConversion:
    """Reads and writes Messages."""

    name = NAME
    operation: Operation = "messages"

    def read(self, peek: Peek) -> Ask:
        """The client's body. Raises Fault(INVALID_FIELD)."""
        return read_ask(peek)

    def links(self, ask: Ask) -> Sequence[Media]:
        """Anthropic fetches pictures and documents itself."""
        del ask
        return ()

    def write(self, ask: Ask, target: Target) -> Written:
        """The vendor's body. Raises Fault(INVALID_FIELD)."""
        return write_body(ask, target)

    def reader(self, how: Reading) -> MessagesReader:
        """For one answer of a vendor."""
        return MessagesReader(how)

    def writer(self, how: Writing) -> StreamWriter | WholeWriter:
        """For one answer to a client."""
        return StreamWriter(how) if how.stream else WholeWriter(how)

"""OpenAI Responses as one side of a conversion (contract: core/conversion.py)."""

from collections.abc import Sequence

from entrepot.core.ask import Ask, Media
from entrepot.core.call import Operation, Peek
from entrepot.core.conversion import Reading, Target, Writing, Written
from entrepot.dialects.openai_responses.asked import read_ask
from entrepot.dialects.openai_responses.body import write_body
from entrepot.dialects.openai_responses.proofs import NAME
from entrepot.dialects.openai_responses.reader import ResponsesReader
from entrepot.dialects.openai_responses.writer import StreamWriter, WholeWriter


class ResponsesConversion:
    """Reads and writes Responses."""

    name = NAME
    operation: Operation = "responses"

    def read(self, peek: Peek) -> Ask:
        """The client's body. Raises Fault(INVALID_FIELD)."""
        return read_ask(peek)

    def links(self, ask: Ask) -> Sequence[Media]:
        """OpenAI fetches pictures and documents itself."""
        del ask
        return ()

    def write(self, ask: Ask, target: Target) -> Written:
        """The vendor's body. Raises Fault(INVALID_FIELD)."""
        return write_body(ask, target)

    def reader(self, how: Reading) -> ResponsesReader:
        """For one answer of a vendor."""
        return ResponsesReader(how)

    def writer(self, how: Writing) -> StreamWriter | WholeWriter:
        """For one answer to a client."""
        return StreamWriter(how) if how.stream else WholeWriter(how)

"""Gemini's generateContent as one side of a conversion (contract: core/conversion.py)."""

from collections.abc import Sequence

from entrepot.core.ask import Ask, Media
from entrepot.core.call import Operation, Peek
from entrepot.core.conversion import Reading, Target, Writing, Written
from entrepot.dialects.gemini.asked import read_ask
from entrepot.dialects.gemini.body import write_body
from entrepot.dialects.gemini.contents import NAME
from entrepot.dialects.gemini.contents_body import FETCHED
from entrepot.dialects.gemini.reader import GenerateReader
from entrepot.dialects.gemini.writer import StreamWriter, WholeWriter
from entrepot.dialects.shared.turns import media_of


class GeminiConversion:
    """Reads and writes generateContent."""

    name = NAME
    operation: Operation = "generate"

    def read(self, peek: Peek) -> Ask:
        """The client's body. Raises Fault(INVALID_FIELD)."""
        return read_ask(peek)

    def links(self, ask: Ask) -> Sequence[Media]:
        """Google reads only what lies at Google."""
        return [media for media in media_of(ask.turns) if media.url and not media.url.startswith(FETCHED)]

    def write(self, ask: Ask, target: Target) -> Written:
        """The vendor's body. Raises Fault(INVALID_FIELD)."""
        return write_body(ask, target)

    def reader(self, how: Reading) -> GenerateReader:
        """For one answer of a vendor."""
        return GenerateReader(how)

    def writer(self, how: Writing) -> StreamWriter | WholeWriter:
        """For one answer to a client."""
        return StreamWriter(how) if how.stream else WholeWriter(how)

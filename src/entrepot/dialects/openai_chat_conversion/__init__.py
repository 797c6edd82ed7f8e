"""OpenAI chat completions as one side of a conversion (contract: core/conversion.py).

Sources: OpenAI's API reference, "Chat Completions"; for reasoning carried along, OpenRouter's
documentation of `reasoning_details` and Google's of its OpenAI-compatible endpoint (`extra_content`).
"""

from collections.abc import Sequence

from entrepot.core.ask import Ask, Media
from entrepot.core.call import Operation, Peek
from entrepot.core.conversion import Reading, Target, Writing, Written
from entrepot.dialects.openai_chat_conversion.asked import read_ask
from entrepot.dialects.openai_chat_conversion.body import write_body
from entrepot.dialects.openai_chat_conversion.reader import ChatReader
from entrepot.dialects.openai_chat_conversion.writer import StreamWriter, WholeWriter
from entrepot.dialects.shared.turns import media_of


class OpenAIChatConversion:
    """Reads and writes chat completions."""

    name = "openai_chat"
    operation: Operation = "chat"

    def read(self, peek: Peek) -> Ask:
        """The client's body. Raises Fault(INVALID_FIELD)."""
        return read_ask(peek)

    def links(self, ask: Ask) -> Sequence[Media]:
        """Only pictures go by address."""
        return [media for media in media_of(ask.turns) if media.url and media.kind != "image"]

    def write(self, ask: Ask, target: Target) -> Written:
        """The vendor's body. Raises Fault(INVALID_FIELD)."""
        return write_body(ask, target)

    def reader(self, how: Reading) -> ChatReader:
        """For one answer of a vendor."""
        return ChatReader(how)

    def writer(self, how: Writing) -> StreamWriter | WholeWriter:
        """For one answer to a client."""
        return StreamWriter(how) if how.stream else WholeWriter(how)

"""The tap on a whole answer of Anthropic's: a message, or a count of tokens."""

from typing import Any

from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic import faults
from entrepot.dialects.anthropic.delivered import Delivered
from entrepot.dialects.anthropic.events import block
from entrepot.dialects.anthropic.usage import read_usage
from entrepot.dialects.shared import whole
from entrepot.kit import json
from entrepot.kit.json import Members, Raw


class WholeTap(whole.WholeTap):
    """Counts one whole answer (contract: core/dialect.py, Tap)."""

    __slots__ = ()

    def is_answer(self, value: Raw) -> bool:
        """A message has an array of blocks, a count is a number."""
        return bytes(value).isdigit() if self.member == "input_tokens" else super().is_answer(value)

    def usage_of(self, fields: dict[str, Any]) -> Usage | None:
        """The vendor's count in its own words."""
        return read_usage(fields)

    def error(self, members: Members, data: bytes) -> Fault:
        """Why a 200 has no answer in it."""
        error = members.get("error")
        if error is not None:
            return faults.inside(json.decode(bytes(error)), data)
        return Fault(Kind.VENDOR_LIED, "The upstream answered 200 without an answer in it.")

    def counted(self) -> Usage:
        """Tokens of what is in the answer; what went in is not known here."""
        delivered = Delivered()
        for item in self._content():
            if (found := block(item)) is not None:
                delivered.begin(found)
        return delivered.usage()

    @property
    def empty(self) -> bool:
        """No answer yet, or one without anything that a client could read."""
        if self.member != "content" or not self.found:  # a large one comes in pieces, and is not kept
            return not self.content
        return self.counted().output_total == 0

    def _content(self) -> list[Any]:
        try:
            return json.decode(bytes(self.found)) if self.member == "content" else []
        except json.JsonError:
            return []

"""The tap on a whole answer of OpenAI's family."""

from typing import Any

from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.shared import openai_faults, whole
from entrepot.dialects.shared.openai_chunk import adds, given, read_choices
from entrepot.dialects.shared.openai_delivered import Delivered
from entrepot.dialects.shared.openai_usage import read_plain, read_usage
from entrepot.kit import json
from entrepot.kit.json import Members, Raw


class WholeTap(whole.WholeTap):
    """Counts one whole answer (contract: core/dialect.py, Tap)."""

    __slots__ = ()

    def counts(self, members: Members) -> tuple[Raw | None, ...]:
        """Where usage may stand."""
        return members.get("usage"), _inner(members.get("x_groq"))

    def plain_usage(self, raw: Raw) -> Usage | None:
        """Read the quick way."""
        return read_plain(raw)

    def usage_of(self, fields: dict[str, Any]) -> Usage | None:
        """The vendor's count in its own words."""
        return read_usage(fields)

    def error(self, members: Members, data: bytes) -> Fault:
        """Why a 200 has no answer in it."""
        error = members.get("error")
        if error is not None and given(error):
            return openai_faults.inside(json.decode(bytes(error)), data)
        return openai_faults.disguised(data) or Fault(Kind.VENDOR_LIED, "The upstream answered 200 without an answer in it.")

    def counted(self) -> Usage:
        """Tokens of the texts in the answer; what went in is not known here."""
        delivered = Delivered()
        for choice in read_choices(bytes(self.found)) if self.member == "choices" else ():
            delivered.text.add(choice.text or "")
            if choice.delta is not None:
                delivered.text.add(choice.delta.content or "")
                delivered.add_rarer(choice.delta)
        return delivered.usage()

    @property
    def empty(self) -> bool:
        """No answer yet, or one without anything that a client could read."""
        if self.member != "choices" or not self.found:
            return not self.content
        return not any(map(adds, read_choices(bytes(self.found))))


def _inner(raw: Raw | None) -> Raw | None:
    """The usage inside groq's own member."""
    if raw is None:
        return None
    try:
        return json.members(bytes(raw)).get("usage")
    except json.JsonError:
        return None

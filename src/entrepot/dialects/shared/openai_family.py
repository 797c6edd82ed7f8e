"""One class for OpenAI's family: its operations differ in a few facts and in what they guard."""

from entrepot.core.call import Peek, Standing
from entrepot.core.dialect import Changes, Rendered, Tap, Tapping
from entrepot.core.faults import Fault
from entrepot.core.http import Headers
from entrepot.dialects.shared import bodies, openai_faults, openai_requests
from entrepot.dialects.shared.openai_stream import StreamTap
from entrepot.dialects.shared.openai_whole import WholeTap
from entrepot.kit.json import Members


class OpenAIFamily:
    """A dialect of the family (contract: core/dialect.py, Dialect)."""

    name = ""
    passes: tuple[bytes, ...] = ()
    shows: tuple[bytes, ...] = (b"openai-version", b"openai-processing-ms")
    id_header = b""
    required = ""
    """The member that a request must have beside the model; empty where the vendor has a default."""
    required_array = False
    default_model: str | None = None
    streams = False
    answer = "choices"
    """The member that a whole answer must have."""
    metered = True
    """Do vendors report usage at all?"""

    def peek(self, body: bytes) -> Peek:
        """Read the few fields that we need.

        Raises Fault: INVALID_JSON, TOO_DEEP, INVALID_FIELD, MISSING_MODEL, FOREIGN_OBJECT.
        """
        members = bodies.read_members(body)
        model = bodies.read_model(members, self.default_model)
        if self.required:
            bodies.need(members, self.required, array=self.required_array)
        stream = self.streams and bodies.read_flag(members, "stream")
        return Peek(
            model=model,
            stream=stream,
            members=members,
            wants_usage=stream and openai_requests.wants_usage(members),
            size=len(body),
            max_output=openai_requests.read_most(members),
            choices=self.choices(members),
            dropped=self.guard(members),
        )

    def choices(self, members: Members) -> int:
        """How many answers a request asks for."""
        return bodies.read_count(members, "n") or 1

    def guard(self, members: Members) -> tuple[str, ...]:
        """Take out what may not pass, and name it; refuse what names another tenant's objects. Raises Fault(FOREIGN_OBJECT)."""
        del members
        return ()

    def others(self, peek: Peek) -> list[str]:
        """Other models that the request lets work: OpenRouter's fallbacks."""
        return bodies.read_names(peek.members, "models")

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed; every other value keeps its bytes."""
        return openai_requests.patch(peek, changes)

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        return StreamTap(how) if how.stream else WholeTap(how, self.answer, metered=self.metered)

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """Nobody can answer for a model."""
        del prompt_tokens

    def limits(self, standing: tuple[Standing, ...]) -> Headers:
        """Headers that tell a client how near its limits it is."""
        return openai_faults.limits(standing)

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """A vendor's answer with status ≥ 400 as a fault."""
        return openai_faults.refusal(status, headers, body)

    def render(self, fault: Fault, request_id: str = "") -> Rendered:
        """A fault before the first byte."""
        del request_id  # it is in a header
        return openai_faults.render(fault)

    def render_late(self, fault: Fault) -> bytes:
        """A fault in mid-stream."""
        return openai_faults.render_late(fault)

"""The output items of a Responses answer while it is written: each begins, grows and is done, with the frames that say so."""

from collections.abc import Iterator
from typing import Any, Protocol

from entrepot.core.ask import Citation, Media
from entrepot.kit import json


class Say(Protocol):
    """Makes a frame: the event's type, and its members."""

    def __call__(self, kind: str, **members: Any) -> bytes:
        """The frame, numbered."""
        ...


class Output:
    """One item. `fields` is what it is when it is done."""

    __slots__ = ("fields", "index", "kind", "say", "text")

    def __init__(self, kind: str, index: int, say: Say, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.index = index
        self.say = say
        self.fields = fields
        self.text: list[str] = []

    def _place(self) -> dict[str, Any]:
        return {"item_id": self.fields["id"], "output_index": self.index}

    def begin(self) -> Iterator[bytes]:
        """The item is there."""
        yield self.say("response.output_item.added", output_index=self.index, item={**self.fields, "status": "in_progress"})

    def more(self, text: str) -> Iterator[bytes]:
        """Words, or arguments."""
        self.text.append(text)
        yield from ()

    def done(self) -> Iterator[bytes]:
        """The item is whole."""
        self.fields["status"] = "completed"
        yield self.say("response.output_item.done", output_index=self.index, item=self.fields)


class MessageOutput(Output):
    """Words: of the answer, or of a refusal."""

    __slots__ = ("_notes",)

    def __init__(self, of: str, index: int, say: Say, number: str) -> None:
        fields: dict[str, Any] = {"id": f"msg_{number}", "type": "message", "status": "", "role": "assistant", "content": []}
        super().__init__(of, index, say, fields)
        self._notes: list[dict[str, Any]] = []

    def _part(self, text: str) -> dict[str, Any]:
        if self.kind == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self._notes, "logprobs": []}

    def begin(self) -> Iterator[bytes]:
        """The item, and its one part."""
        yield from super().begin()
        yield self.say("response.content_part.added", **self._place(), content_index=0, part=self._part(""))

    def more(self, text: str) -> Iterator[bytes]:
        """Words."""
        self.text.append(text)
        logprobs: dict[str, Any] = {"logprobs": []} if self.kind == "text" else {}
        name = "output_text" if self.kind == "text" else "refusal"
        yield self.say(f"response.{name}.delta", **self._place(), content_index=0, delta=text, **logprobs)

    def cite(self, citation: Citation) -> bytes:
        """Where words come from."""
        note = {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start or 0,
            "end_index": citation.end or 0,
        }
        self._notes.append(note)
        place = {**self._place(), "content_index": 0, "annotation_index": len(self._notes) - 1}
        return self.say("response.output_text.annotation.added", **place, annotation=note)

    def done(self) -> Iterator[bytes]:
        """All words again, the part, the item."""
        text = "".join(self.text)
        part = self._part(text)
        if self.kind == "text":
            yield self.say("response.output_text.done", **self._place(), content_index=0, text=text, logprobs=[])
        else:
            yield self.say("response.refusal.done", **self._place(), content_index=0, refusal=text)
        yield self.say("response.content_part.done", **self._place(), content_index=0, part=part)
        self.fields["content"] = [part]
        yield from super().done()


class ReasoningOutput(Output):
    """Reasoning, as a summary, with its proof."""

    __slots__ = ()

    def __init__(self, index: int, say: Say, number: str) -> None:
        super().__init__("thinking", index, say, {"id": f"rs_{number}", "type": "reasoning", "status": "", "summary": []})

    def more(self, text: str) -> Iterator[bytes]:
        """Words."""
        if not self.text:
            part = {"type": "summary_text", "text": ""}
            yield self.say("response.reasoning_summary_part.added", **self._place(), summary_index=0, part=part)
        self.text.append(text)
        yield self.say("response.reasoning_summary_text.delta", **self._place(), summary_index=0, delta=text)

    def done(self) -> Iterator[bytes]:
        """The summary again, and the item."""
        if self.text:
            text = "".join(self.text)
            part = {"type": "summary_text", "text": text}
            yield self.say("response.reasoning_summary_text.done", **self._place(), summary_index=0, text=text)
            yield self.say("response.reasoning_summary_part.done", **self._place(), summary_index=0, part=part)
            self.fields["summary"] = [part]
        yield from super().done()


class CallOutput(Output):
    """A call of a function, or of a tool of free text."""

    __slots__ = ("_member", "_name")

    def __init__(self, index: int, say: Say, number: str, fields: dict[str, Any]) -> None:
        custom = fields["type"] == "custom_tool_call"
        self._member = "input" if custom else "arguments"
        self._name = "custom_tool_call_input" if custom else "function_call_arguments"
        made = {"id": f"{'ctc' if custom else 'fc'}_{number}", "status": "", **fields, self._member: ""}
        super().__init__("call", index, say, made)

    @property
    def whole(self) -> bool:
        """Nothing can follow: the arguments are an object, or free text."""
        return self._member == "input" or json.is_object("".join(self.text))

    def more(self, text: str) -> Iterator[bytes]:
        """Arguments."""
        self.text.append(text)
        yield self.say(f"response.{self._name}.delta", **self._place(), delta=text)

    def done(self) -> Iterator[bytes]:
        """The arguments again, and the item."""
        self.fields[self._member] = "".join(self.text)
        yield self.say(f"response.{self._name}.done", **self._place(), **{self._member: self.fields[self._member]})
        yield from super().done()


def image_output(index: int, say: Say, number: str, media: Media) -> Output:
    """A picture that was made."""
    form = media.mime.removeprefix("image/") or "png"
    fields = {"id": f"ig_{number}", "type": "image_generation_call", "status": "", "result": media.data, "output_format": form}
    return Output("image", index, say, fields)

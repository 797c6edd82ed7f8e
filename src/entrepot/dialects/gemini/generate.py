"""Gemini's generateContent, forwarded: streamed and whole, and counting of tokens.

The model and the kind of call stand in the path, not in the body. A vendor's key is shared by many tenants, so a request may
not name what was uploaded or cached with it. Source: ai.google.dev, "Generating content", "Files", "Caching".
"""

import re
from typing import Any, Final, cast

from entrepot.core.call import Peek, Standing
from entrepot.core.conversion import Reading
from entrepot.core.dialect import Changes, Rendered, Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.gemini import faults
from entrepot.dialects.gemini.framing import ArrayTap
from entrepot.dialects.gemini.reader import GenerateReader
from entrepot.dialects.shared import bodies, openai_faults, whole
from entrepot.dialects.shared.reading import ReadingTap
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_CACHED: Final = ("cachedContent", "cached_content")
_CONFIG: Final = ("generationConfig", "generation_config")
_SYSTEM: Final = ("systemInstruction", "system_instruction")
_CAPS: Final = ("maxOutputTokens", "max_output_tokens")
_KEPT: Final = re.compile(rb"googleapis\.com|\\u00|file_?uri|file_?search", re.IGNORECASE)
"""One of these stands where a request may name what was uploaded with a key."""
_URIS: Final = frozenset(("fileuri", "file_uri"))
_SEARCHES: Final = frozenset(("filesearch", "file_search"))
_CLIENTS: Final = frozenset(("args", "response", "functionDeclarations", "function_declarations"))
"""What is said to and by the client's own tools: Google reads no names there."""
_MAX_DEPTH = 200


class GeminiGenerate:
    """generateContent and streamGenerateContent (contract: core/dialect.py, Dialect)."""

    name = "gemini_generate"
    passes: tuple[bytes, ...] = ()
    shows: tuple[bytes, ...] = ()
    id_header = b""

    def peek(self, body: bytes) -> Peek:
        """Read the few fields that we need; model and stream come from the path.

        Raises Fault: INVALID_JSON, TOO_DEEP, INVALID_FIELD, FOREIGN_OBJECT.
        """
        members = bodies.read_members(body)
        self.check(members)
        config = _config(members)
        return Peek(
            model="",
            stream=False,
            members=members,
            size=len(body),
            max_output=bodies.read_count(config, *_CAPS),
            choices=bodies.read_count(config, "candidateCount", "candidate_count") or 1,
        )

    def check(self, members: Members) -> None:
        """Refuse what names another tenant's objects. Raises Fault(FOREIGN_OBJECT | INVALID_FIELD)."""
        bodies.need(members, "contents", array=False)
        for name in _CACHED:
            if name in members and bytes(members[name]) not in (b"null", b'""'):
                raise Fault(Kind.FOREIGN_OBJECT, f"{name}: no such cached content here. Send the content itself.", param=name)
        for name in ("contents", *_SYSTEM, "tools"):
            raw = members.get(name)
            if raw is not None and _KEPT.search(bytes(raw)):
                _check(bodies.decoded(raw), name)

    def patch(self, peek: Peek, changes: Changes) -> bytes:
        """The body with what must change changed; every other value keeps its bytes."""
        members = {**peek.members, **changes.set}
        for name in (*changes.drop, "model"):
            members.pop(name, None)
        if changes.max_output is not None:
            config = _config(members)
            for name in _CAPS:
                config.pop(name, None)
            config["maxOutputTokens"] = json.raw(changes.max_output)
            members[next((name for name in _CONFIG if name in members), _CONFIG[0])] = json.raw(config)
        return json.encode(members)

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        tap = ReadingTap(how, GenerateReader(Reading(how.stream, "forwarded")), "modelVersion", cut_off)
        return ArrayTap(tap) if how.stream and how.array else tap

    def others(self, peek: Peek) -> list[str]:
        """None: a request names one model."""
        del peek
        return []

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """None: only a model answers this."""
        del prompt_tokens
        return None

    def limits(self, standing: tuple[Standing, ...]) -> Headers:
        """Headers that tell a client how near its limits it is, in OpenAI's words: Google has none."""
        return openai_faults.limits(standing)

    def refusal(self, status: int, headers: Headers, body: bytes) -> Fault:
        """A vendor's answer with status ≥ 400 as a fault."""
        return faults.refusal(status, headers, body)

    def render(self, fault: Fault, request_id: str = "") -> Rendered:
        """A fault before the first byte."""
        return faults.render(fault, request_id)

    def render_late(self, fault: Fault) -> bytes:
        """A fault in mid-stream."""
        return faults.render_late(fault)


class GeminiCount(GeminiGenerate):
    """countTokens: never streamed, free of charge, without usage."""

    name = "gemini_count_tokens"

    def check(self, members: Members) -> None:
        """Its contents stand at the top, or in a whole request."""
        inner = members.get("generateContentRequest") or members.get("generate_content_request")
        super().check(members if inner is None else bodies.read_members(bytes(inner)))

    def own_answer(self, prompt_tokens: int) -> bytes | None:
        """A count by class of byte: good to some 20 %, for vendors that do not count."""
        return json.encode({"totalTokens": prompt_tokens})

    def tap(self, how: Tapping) -> Tap:
        """A fresh tap for one answer."""
        return _CountTap(how, "totalTokens", metered=False)


class _CountTap(whole.WholeTap):
    """A count of tokens."""

    __slots__ = ()

    def is_answer(self, value: Raw) -> bool:
        """A number."""
        return bytes(value).isdigit()

    def usage_of(self, fields: dict[str, Any]) -> Usage | None:
        """None: counting is free."""
        del fields
        return None

    def error(self, members: Members, data: bytes) -> Fault:
        """Why a 200 has no count in it."""
        error = members.get("error")
        if error is not None:
            return faults.inside(json.decode(bytes(error)), data)
        return Fault(Kind.VENDOR_LIED, "The upstream answered 200 without a count in it.")

    def counted(self) -> Usage:
        """Nothing is said."""
        return Usage(basis=Basis.COUNTED)


def _check(value: Any, param: str) -> None:
    """Nothing that lies at Google under the channel's key is named inside. No recursion: see openai_responses."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise Fault(Kind.TOO_DEEP)
        if isinstance(inner, list):
            waiting.extend((item, depth + 1) for item in cast("list[Any]", inner))
        elif isinstance(inner, dict):
            fields = cast("dict[str, Any]", inner).items()
            for name, item in [(name.lower(), item) for name, item in fields if name not in _CLIENTS]:
                _check_member(name, item, param)
                waiting.append((item, depth + 1))


def _check_member(name: str, value: Any, param: str) -> None:
    """Source: ai.google.dev, "Files API" (uri, or name `files/…`), "File Search" (stores by name)."""
    if param == "tools" and name in _SEARCHES and value:
        raise Fault(Kind.FOREIGN_OBJECT, f"{param}: file search stores are not reachable here.", param=param)
    if name in _URIS and isinstance(value, str):
        given = value.strip().lower()
        if "googleapis.com" in given or not given.startswith(("https:", "http:")):
            message = f"{param}: files that were uploaded to Google are not reachable here. Send the data inline."
            raise Fault(Kind.FOREIGN_OBJECT, message, param=param)


def _config(members: Members) -> Members:
    raw = next((members[name] for name in _CONFIG if name in members and bytes(members[name]) != b"null"), None)
    if raw is None:
        return {}
    try:
        return json.members(bytes(raw))
    except json.JsonError:
        raise bodies.wrong_type("generationConfig", "an object", raw) from None


def cut_off(frames: int) -> bytes:
    """A last frame that says that the cap was reached."""
    del frames
    candidate = {"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "MAX_TOKENS", "index": 0}
    return b"data: " + json.encode({"candidates": [candidate]}) + b"\r\n\r\n"

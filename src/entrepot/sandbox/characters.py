"""The characters that hold a conversation: echo, story, tools, json, think, audio."""

import re
from collections.abc import Callable

from entrepot.sandbox import documents, sound, tools
from entrepot.sandbox.listening import last_user_text
from entrepot.sandbox.names import MAX_PACE, MAX_TOKENS, Name
from entrepot.sandbox.replies import Reply
from entrepot.sandbox.requests import ChatRequest
from entrepot.sandbox.wording import Plain, Tale

STORY_TOKENS = 200
STORY_PACE = 100.0
EFFORT = {"none": 0, "minimal": 8, "low": 24, "medium": 64, "high": 160, "xhigh": 320, "max": 640}
"""Tokens of reasoning by `reasoning_effort`."""

_SECOND = r"(?:/\s*s|(?:a|per) second)"
_ASKED_TOKENS = re.compile(rf"(\d{{1,7}})\s*(?:个\s*)?(?:tokens?\b|词)(?!\s*{_SECOND})", re.IGNORECASE)
_ASKED_PACE = re.compile(rf"@\s*(\d{{1,6}})|(\d{{1,6}})\s*(?:tokens?\s*)?{_SECOND}|每秒\s*(\d{{1,6}})", re.IGNORECASE)


def reply(request: ChatRequest, name: Name) -> Reply:
    """What the character says. Raises Refusal (400)."""
    return _CHARACTERS[name.character](request, name)


def story(text: str, name: Name) -> Reply:
    """A story as long and as fast as the model's name says, or the user ("500 tokens, 20 a second")."""
    asked_tokens, asked_pace = _ASKED_TOKENS.search(text), _ASKED_PACE.search(text)
    tokens = name.tokens
    if tokens is None:
        tokens = min(int(asked_tokens[1]), MAX_TOKENS) if asked_tokens else STORY_TOKENS
    pace = name.pace
    if pace is None and asked_pace:
        pace = min(float(asked_pace[asked_pace.lastindex or 0]), MAX_PACE)
    # A whole answer waits only where somebody asked for a pace; 0 is as fast as it goes.
    wait = tokens / pace if pace else 0.0
    pace = STORY_PACE if pace is None else pace
    return Reply(Tale(tokens), gap=1 / pace if pace else 0.0, wait=wait)


def _echo(request: ChatRequest, _name: Name) -> Reply:
    return Reply(Plain(last_user_text(request)))


def _story(request: ChatRequest, name: Name) -> Reply:
    return story(last_user_text(request), name)


def _think(request: ChatRequest, _name: Name) -> Reply:
    """Reasons as long as the effort says, then echoes."""
    said = last_user_text(request)
    effort = EFFORT.get(request.reasoning_effort or "medium", EFFORT["medium"])
    opening = f"The user says: {said[:80]!r}. Let me think about that. "
    thought = Plain(" ".join([opening.strip(), *_MUSINGS * (effort // 40 + 1)])).head(effort)
    return Reply(Plain(said), reasoning=thought)


def _json(request: ChatRequest, _name: Name) -> Reply:
    """A document of the wanted schema, or a small object."""
    wanted = request.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is not None:
        return Reply(Plain(documents.example_text(wanted.json_schema.schema or {}, last_user_text(request))))
    return Reply(Plain(documents.small_object(last_user_text(request))))


def _audio(request: ChatRequest, _name: Name) -> Reply:
    """Speaks where asked to, else echoes."""
    said = last_user_text(request)
    if "audio" not in (request.modalities or ()):
        return Reply(Plain(said))
    packed = request.audio.format if request.audio else "wav"
    return Reply(None, sound=sound.speak(said, packed, stream=bool(request.stream)))


def _tools(request: ChatRequest, _name: Name) -> Reply:
    return tools.reply(request)


_MUSINGS = (
    "First I look at what is asked.",
    "Then I look at what is not asked, which is often more.",
    "An echo must be exact, so nothing may be added and nothing left out.",
    "I check it once more, letter by letter.",
)
_CHARACTERS: dict[str, Callable[[ChatRequest, Name], Reply]] = {
    "echo": _echo,
    "story": _story,
    "tools": _tools,
    "json": _json,
    "think": _think,
    "audio": _audio,
}

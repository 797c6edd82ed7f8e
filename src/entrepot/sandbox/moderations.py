"""POST /v1/moderations: flags obvious words, in the shape of omni-moderation."""

import re
from typing import Any

from entrepot.sandbox.answers import Answer, Stamp, refusal, whole
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.names import Name
from entrepot.sandbox.requests import ModerationRequest, Part

_WORDS = {
    "harassment": "harassment harass insult idiot 骚扰",
    "harassment/threatening": "threaten threat 威胁",
    "hate": "hate hateful 仇恨",
    "hate/threatening": "",
    "illicit": "illicit illegal shoplift 违法",
    "illicit/violent": "bomb 炸弹",
    "self-harm": "self-harm suicide 自杀 自残",
    "self-harm/intent": "",
    "self-harm/instructions": "",
    "sexual": "sexual porn 色情",
    "sexual/minors": "",
    "violence": "violence violent kill murder 暴力 杀人",
    "violence/graphic": "gore 血腥",
}
_PICTURES = ("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic")
"""Categories that are judged on pictures too (OpenAI's API reference, CategoryAppliedInputTypes)."""

CLEAR, FLAGGED = 0.00001, 0.98


def answer(request: ModerationRequest, name: Name, stamp: Stamp, _faults: Faults) -> Answer:
    """One result for each text; parts of one input give one together. Raises Refusal (400)."""
    given = [request.input] if isinstance(request.input, str) else request.input
    if not given:
        raise refusal(400, "Invalid 'input': it is empty.", "input", "empty_array")
    texts = [item for item in given if isinstance(item, str)]
    parts = [item for item in given if isinstance(item, Part)]
    results = [_judge(text, "text") for text in texts]
    if parts:
        pictured = any(part.image_url is not None for part in parts)
        words = " ".join(part.text or "" for part in parts)
        results.append(_judge(words, *(["text"] if words.strip() else []), *(["image"] if pictured else [])))
    return whole({"id": stamp.id, "model": request.model or name.asked, "results": results})


def _judge(text: str, *kinds: str) -> dict[str, Any]:
    found = {category: bool(pattern and pattern.search(text)) for category, pattern in _PATTERNS.items()}
    return {
        "flagged": any(found.values()),
        "categories": found,
        "category_scores": {category: FLAGGED if flag else CLEAR for category, flag in found.items()},
        "category_applied_input_types": {
            category: [kind for kind in kinds if kind == "text" or category in _PICTURES] for category in found
        },
    }


def _pattern(words: str) -> re.Pattern[str] | None:
    """Latin words count as whole words; Chinese has no spaces to go by."""
    parts = [rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word) for word in words.split()]
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


_PATTERNS = {category: _pattern(words) for category, words in _WORDS.items()}

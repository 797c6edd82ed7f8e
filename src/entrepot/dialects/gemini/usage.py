"""Usage as Gemini counts it, on our base of disjoint kinds.

The prompt includes what was cached; candidates exclude thoughts; what tools put into the prompt is counted apart.
Source: ai.google.dev, "GenerateContentResponse.UsageMetadata".
"""

from collections.abc import Mapping
from typing import Any

from entrepot.core.usage import Usage
from entrepot.dialects.shared.answers import list_of, whole_of


def read_usage(fields: Mapping[str, Any]) -> Usage | None:
    """The vendor's count; None where it counted nothing at all."""
    prompt = whole_of(fields.get("promptTokenCount")) + whole_of(fields.get("toolUsePromptTokenCount"))
    made, thought = whole_of(fields.get("candidatesTokenCount")), whole_of(fields.get("thoughtsTokenCount"))
    if not prompt and not made and not thought:
        return None
    read = min(whole_of(fields.get("cachedContentTokenCount")), prompt)
    asked = _modes(fields.get("promptTokensDetails"))
    cached = _modes(fields.get("cacheTokensDetails"))
    heard = min(max(asked.get("AUDIO", 0) - cached.get("AUDIO", 0), 0), prompt - read)
    seen = min(max(asked.get("IMAGE", 0) - cached.get("IMAGE", 0), 0), prompt - read - heard)
    given = _modes(fields.get("candidatesTokensDetails"))
    spoken = min(given.get("AUDIO", 0), made)
    drawn = min(given.get("IMAGE", 0), made - spoken)
    return Usage(
        input=prompt - read - heard - seen,
        cache_read=read,
        audio_input=heard,
        image_input=seen,
        output=made - spoken - drawn,
        reasoning=thought,
        audio_output=spoken,
        image_output=drawn,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """Counts on Gemini's base."""
    made = usage.output_total - usage.reasoning
    counts = {"promptTokenCount": usage.prompt_total, "candidatesTokenCount": made}
    if usage.reasoning:
        counts["thoughtsTokenCount"] = usage.reasoning
    if usage.cache_read:
        counts["cachedContentTokenCount"] = usage.cache_read
    asked = _details(
        TEXT=usage.prompt_total - usage.audio_input - usage.image_input, AUDIO=usage.audio_input, IMAGE=usage.image_input
    )
    given = _details(TEXT=made - usage.audio_output - usage.image_output, AUDIO=usage.audio_output, IMAGE=usage.image_output)
    total = usage.prompt_total + usage.output_total
    return {**counts, "totalTokenCount": total, "promptTokensDetails": asked, "candidatesTokensDetails": given}


def _details(**modes: int) -> list[dict[str, Any]]:
    return [{"modality": mode, "tokenCount": count} for mode, count in modes.items() if count]


def _modes(value: Any) -> dict[str, int]:
    return {str(item.get("modality")): whole_of(item.get("tokenCount")) for item in list_of(value)}

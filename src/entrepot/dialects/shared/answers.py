"""Reading answers leniently: vendors surprise, and what surprises is nothing rather than an error."""

from typing import Any, cast

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.openai_chunk import mended
from entrepot.kit import json


def decode_object(payload: bytes) -> dict[str, Any]:
    """A JSON object, as vendors really write it. Raises Fault(VENDOR_GARBAGE)."""
    try:
        value = json.decode(payload)
    except json.JsonError:
        try:
            value = json.decode(mended(payload))
        except json.JsonError as error:
            raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None
    if not isinstance(value, dict):
        raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer could not be understood: it is no JSON object.")
    return cast("dict[str, Any]", value)


def text_of(value: Any) -> str:
    """A string; "" for anything else."""
    return value if isinstance(value, str) else ""


def whole_of(value: Any) -> int:
    """A whole number; 0 for anything else."""
    return int(value) if isinstance(value, int | float) else 0


def number_of(value: Any) -> float:
    """A number; 0 for anything else, and for one that is too large to be a float."""
    try:
        return float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return 0.0


def object_of(value: Any) -> dict[str, Any]:
    """An object; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[dict[str, Any]]:
    """The objects of an array."""
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", item) for item in cast("list[Any]", value) if isinstance(item, dict)]

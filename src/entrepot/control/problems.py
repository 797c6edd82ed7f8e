"""A failed validation in one sentence: which field, what is wrong, and the nearest known name."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from entrepot.control.errors import InvalidError, suggestion

_Kind = TypeVar("_Kind", bound=BaseModel)
_WORDS = {"missing": "is missing", "extra_forbidden": "is not known"}


def explain(problems: Sequence[Any], known: Iterable[str] = ()) -> InvalidError:
    """The first of pydantic's problems (`ValidationError.errors()`) as our own error."""
    problem = problems[0]
    path = _path(problem["loc"])
    if problem["type"] == "extra_forbidden":
        hint = suggestion(str(problem["loc"][-1]), known)
        return InvalidError(f"{path}: is not a known field.{hint}", path)
    if problem["type"] == "model_attributes_type" and not path:
        return InvalidError("The request body must be a JSON object, sent as application/json.")
    if problem["type"] == "json_invalid":
        return InvalidError("The request body is not valid JSON.")
    words = _WORDS.get(problem["type"]) or str(problem["msg"]).removeprefix("Value error, ")
    return InvalidError(f"{path}: {words}" if path else words, path or None)


def read(kind: type[_Kind], values: dict[str, Any]) -> _Kind:
    """`values` as a spec of this kind. Raises InvalidError that names the field."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        raise explain(problems, _fields(kind, problems[0]["loc"])) from None


def _path(location: Sequence[Any]) -> str:
    """`model_map.gpt` from ("body", "model_map", "gpt")."""
    parts = [str(part) for part in location if part not in ("body", "query", "path", "header")]
    return ".".join(parts)


def _fields(kind: type[BaseModel], location: Sequence[Any]) -> list[str]:
    """The field names that are known where the problem is."""
    at: Any = kind
    for part in location[:-1]:
        field = at.model_fields.get(part) if isinstance(at, type) and issubclass(at, BaseModel) else None
        at = next((a for a in _alternatives(field.annotation) if _is_model(a)), None) if field else None
    return list(at.model_fields) if _is_model(at) else []


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    return getattr(annotation, "__args__", None) or (annotation,)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)

"""Short ways to read and write Messages in tests."""

from typing import Any

from entrepot.core.ask import Ask
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.dialects.anthropic.conversion import AnthropicConversion
from entrepot.kit import json

DIALECT = AnthropicConversion()


def read(**body: Any) -> Ask:
    """A request as an Ask."""
    full = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, **body}
    return DIALECT.read(Peek("claude-opus-4-5", stream=False, members=json.members(json.encode(full))))


def write(ask: Ask, model: str = "claude-opus-4-5", **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """An Ask as a request, and what was dropped."""
    written = DIALECT.write(ask, Target(model, **target))
    return json.decode(written.body), written.dropped

"""How much a Claude model is to think: efforts, budgets and adaptive thinking, each in terms of the others."""

import msgspec

from entrepot.core.ask import Effort, Thinking, ToolCall, ToolResult
from entrepot.dialects.anthropic.blocks import NAME
from entrepot.dialects.anthropic.models import Family
from entrepot.dialects.shared.body import Body
from entrepot.dialects.shared.openai_models import nearest_effort

_LEAST = 1024
"""Tokens that a budget must have."""
_BUDGETS: dict[Effort, int] = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 31999}


class Thought(msgspec.Struct, frozen=True):
    """What is decided."""

    cap: int
    """`max_tokens`."""
    adaptive: bool = False
    budget: int | None = None
    effort: Effort | None = None
    off: bool = False
    """To be said, for models that think unasked."""


def decide(body: Body, family: Family, *, forced: bool) -> Thought:
    """What to send for the reasoning that was asked for. What cannot be is dropped by name."""
    reasoning, cap = body.ask.reasoning, _cap(body, family)
    if reasoning is None or (reasoning.effort is None and reasoning.budget is None):
        return Thought(cap)
    if reasoning.effort == "none" or reasoning.budget == 0:
        return Thought(cap, off=family.thinks == "adaptive")
    effort = nearest_effort(reasoning.effort, family.efforts) if reasoning.effort and family.efforts else None
    if not family.thinks or not _may(body) or (forced and family.thinks == "budget"):
        body.dropped["reasoning"] = None
        return Thought(cap, effort=effort)
    if family.thinks == "adaptive":
        return Thought(cap, adaptive=True, effort=effort or _effort(reasoning.budget, family))
    budget = (
        reasoning.budget if reasoning.budget is not None and reasoning.budget > 0 else _BUDGETS[reasoning.effort or "medium"]
    )
    return _budgeted(body, cap, max(budget, _LEAST))


def _cap(body: Body, family: Family) -> int:
    asked = body.ask.max_output or family.max_output
    return min(asked, body.target.max_output) if body.target.max_output is not None else asked


def _budgeted(body: Body, cap: int, budget: int) -> Thought:
    """A budget has to be less than the cap, which is what the call has reserved money for: it never rises."""
    if budget < cap:
        return Thought(cap, budget=budget)
    if cap <= _LEAST:
        body.dropped["reasoning"] = None
        return Thought(cap)
    return Thought(cap, budget=max(_LEAST, cap // 2))


def _effort(budget: int | None, family: Family) -> Effort | None:
    """The effort that a budget stands for; None leaves it to the model."""
    if budget is None or budget < 0 or not family.efforts:
        return None
    return nearest_effort("low" if budget <= 2048 else "medium" if budget <= 12288 else "high", family.efforts)


def _may(body: Body) -> bool:
    """While a tool loop lasts, the turn that called must come back with its signed thinking; a bare one forbids more."""
    turns = body.ask.turns
    if not turns or not any(isinstance(part, ToolResult) for part in turns[-1].parts):
        return True
    before = next((turn.parts for turn in reversed(turns) if turn.role == "assistant"), ())
    if not any(isinstance(part, ToolCall) for part in before):
        return True
    return any(isinstance(part, Thinking) and part.proof is not None and part.proof.dialect == NAME for part in before)

"""Charges for every recording of Anthropic's dialect that carries usage, against a reading with nothing of ours."""

from decimal import ROUND_HALF_UP, Decimal

import msgspec

from entrepot.billing.charge import charge
from entrepot.billing.estimate import estimate
from entrepot.core.dialect import Tapping
from entrepot.core.money import format_usd, parse_ratio
from entrepot.dialects.catalogue import load_dialects
from tests.billing.books import quote, row
from tests.dialects.anthropic.recordings import FILES, Counted, Recording, answers, encoded, recorded_usage
from tests.shared import corpus, requires_shared

# Prices with nothing in common, so that a token in the wrong kind changes the sum.
USD = {
    "input": "3.003", "cache_read": "0.307", "cache_write_5m": "3.761", "cache_write_1h": "6.011", "output": "15.013",
    "reasoning": "17.019", "search": "0.0101",
}  # fmt: skip
ODD = quote(*(row(kind, usd) for kind, usd in USD.items()))
# Whatever another model did (advice, a fallback) costs more.
DEARER = {kind: str(Decimal(usd) * 7) for kind, usd in USD.items()}
RATIO = "0.731"


def by_decimals(recording: Recording) -> Decimal:
    """USD for a recording, from Anthropic's documentation: input leaves the cache out, output holds the thinking."""
    used = recorded_usage(recording)
    total = by_kind(used, USD) + sum(by_kind(other, DEARER) for other in used.others.values())
    return (total * Decimal(RATIO)).quantize(Decimal("1e-9"), ROUND_HALF_UP)


def by_kind(used: Counted, prices: dict[str, str]) -> Decimal:
    counts = {
        "input": used.input,
        "cache_read": used.cache_read,
        "cache_write_5m": used.cache_5m,
        "cache_write_1h": used.cache_1h,
        "output": used.output - used.thinking,
        "reasoning": used.thinking,
        "search": used.searches,
    }
    return sum(
        (count * Decimal(prices[kind]) / (1 if kind == "search" else 1_000_000) for kind, count in counts.items()), Decimal()
    )


@requires_shared
def test_every_recording() -> None:
    count = shared = 0
    kinds: set[str] = set()
    for stream in (False, True):
        for recording in answers(stream=stream):
            tap = load_dialects()["messages"].tap(Tapping(stream=stream))
            tap.feed(recording.body)
            tap.end()
            assert tap.usage is not None, recording.id
            others = {model: quote(*(row(kind, usd) for kind, usd in DEARER.items())) for model, _ in tap.usage.others}
            bill = charge(tap.usage, msgspec.structs.replace(ODD, others=others), parse_ratio(RATIO))
            assert Decimal(format_usd(bill.total)) == by_decimals(recording), recording.id
            kinds |= {line.kind for line in bill.lines}
            shared += bool(others)
            count += 1
    assert count > 230
    assert shared > 4
    assert kinds >= {"input", "output", "cache_read", "cache_write_5m", "reasoning", "search"}


@requires_shared
def test_estimates_of_prompts_are_about_right() -> None:
    """Against the vendor's count of whole answers, without those whose prompt grew by searches or shrank by compaction."""
    shares: list[float] = []
    for name in FILES:
        for record in corpus(name):
            body, usage = record.get("request_json"), (record.get("response_json") or {}).get("usage")
            if not isinstance(body, dict) or record["status"] != 200 or not usage or "input_tokens" not in usage:
                continue
            if "compact_" in (raw := encoded(body).decode()) or "web_" in raw or "code_execution" in raw:
                continue
            kinds = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
            found = estimate(load_dialects()["messages"].peek(encoded(body)), ODD, 1_000_000)
            shares.append(found.counted / sum(usage.get(kind) or 0 for kind in kinds))
    shares.sort()
    assert len(shares) > 100
    assert 0.9 < shares[len(shares) // 2] < 1.3
    assert shares[len(shares) // 20] > 0.5

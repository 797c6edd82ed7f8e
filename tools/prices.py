"""Makes the start catalogue of prices: `python -m tools.prices [facts.json] > src/entrepot/billing/catalogue.toml`.

The facts are list prices as vendors publish them, collected elsewhere; they are no part of the
project. What is taken over is decided here: vendors' own models under their own names, kinds and
units that we bill, no price that follows from another one.
"""

import json  # decimals must stay decimals
import sys
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

FACTS = Path(__file__).parents[2] / "shared" / "data" / "model-facts.json"

# Our word for a vendor, its word in the facts, and the beginnings of its own models' names (it may resell others').
OWNERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("openai", "openai", (
        "gpt-", "chatgpt-", "chat-", "o1", "o3", "o4", "ft:", "text-", "omni-", "tts-", "whisper-", "computer-", "sora-",
    )),
    ("anthropic", "anthropic", ("claude-",)),
    ("google", "gemini", ("gemini-", "gemma-", "imagen-", "veo-", "nano-banana-")),
    ("deepseek", "deepseek", ("deepseek-",)),
    ("xai", "xai", ("grok-",)),
    ("mistral", "mistral", (
        "mistral-", "ministral-", "codestral-", "devstral-", "magistral-", "pixtral-", "voxtral-", "open-mistral-",
    )),
    ("alibaba", "dashscope", ("qwen", "qwq-", "wan")),
    ("moonshot", "moonshot", ("kimi-", "moonshot-")),
    ("zhipu", "zai", ("glm-",)),
    ("minimax", "minimax", ("MiniMax-", "speech-")),
    ("bytedance", "volcengine", ("doubao-",)),
    ("tencent", "tencent", ("hunyuan-", "hy")),
    ("perplexity", "perplexity", ("sonar",)),
    ("cohere", "cohere", ("command-", "embed-", "rerank-", "c4ai-")),
    ("cohere", "cohere_chat", ("command-", "c4ai-")),
    ("voyage", "voyage", ("voyage-", "rerank-")),
)  # fmt: skip
MODES = {
    "chat": "chat", "responses": "chat", "completion": "completions", "embedding": "embeddings", "moderation": "moderations",
    "rerank": "rerank", "realtime": "realtime", "image_generation": "images", "image_edit": "images",
    "video_generation": "video", "audio_speech": "speech", "audio_transcription": "transcription",
}  # fmt: skip
KINDS = (
    "input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "audio_input", "audio_output", "image_input",
    "image_output", "reasoning",
)  # fmt: skip
DERIVED = {
    "cache_read": "input", "cache_write_5m": "input", "cache_write_1h": "cache_write_5m", "audio_input": "input",
    "image_input": "input", "output": "input", "reasoning": "output", "audio_output": "output", "image_output": "output",
}  # fmt: skip
TIERED = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
}
WRITING = ("chat", "completions")
SILENT = ("embeddings", "moderations", "rerank")
HEADER = """\
# Prices to start with: list prices of vendors' own models, made by tools/prices.py. Do not edit: set a price of your own
# (`entrepot price set`, or [[model]] in entrepot.toml), and check against the vendor before you rely on one.
#
# [owner], then a line a model: USD per 1 M tokens by kind; `call`, `image`, `second`, `character`, `search` per unit.
# max_output: tokens that it can write in one answer.
# over = {length = {…}}: for prompts of more tokens than this. at = [{size, quality, …}]: for such pictures.
# A kind that is not named costs what billing/prices.py derives.

[sandbox]
"sandbox/*" = {mode = "chat", call = "0"}
"""

Prices = dict[str, Decimal]


def usd(value: Any) -> Decimal:
    """To nano-USD, half up: some facts are a price per minute divided by sixty."""
    return Decimal(str(value)).quantize(Decimal("1e-9"), ROUND_HALF_UP)


def token_prices(facts: dict[str, Any], mode: str) -> Prices:
    """USD per 1 M tokens by kind."""
    found = facts.get("usd_per_1m_tokens", {})
    prices = {"reasoning" if kind == "reasoning_output" else kind: usd(value) for kind, value in found.items()}
    if not prices.get("input") and mode != "moderations":
        return {}  # free while it is tried out: nothing to rely on
    if not prices.get("cache_write_5m"):
        prices.pop("cache_write_5m", None)  # the vendor never counts them; where one does, they are input
    if mode in SILENT:
        prices.pop("output", None)
    return prices


def tiers(facts: dict[str, Any]) -> dict[int, Prices]:
    """Token prices by the length of prompt above which they hold."""
    found: dict[int, Prices] = {}
    for name, value in facts.get("tiers_usd_per_1m_tokens", {}).items():
        kind, _, length = name.rpartition("_above_")
        if kind in TIERED:
            found.setdefault(int(length.removesuffix("k_tokens")) * 1000, {})[TIERED[kind]] = usd(value)
    return {length: prices for length, prices in found.items() if any(prices.values())}


def unit_prices(facts: dict[str, Any], mode: str, *, tokens: bool) -> Prices:
    """Prices by unit; where a vendor counts tokens, its prices by picture and second say the same once more."""
    named = facts.get("usd", {})
    found: Prices = {}
    searches = named.get("search_context_cost_per_query", {})
    if searches:
        found["search"] = usd(searches["search_context_size_medium"])
    if tokens:
        return found
    wanted = {
        "images": ("image", ("output_cost_per_image", "input_cost_per_image")),
        "video": ("second", ("output_cost_per_video_per_second", "output_cost_per_second")),
        "transcription": ("second", ("input_cost_per_second",)),
        "realtime": ("second", ("input_cost_per_second",)),
        "speech": ("character", ("input_cost_per_character",)),
        "rerank": ("call", ("input_cost_per_query",)),
    }
    unit, names = wanted.get(mode, ("", ()))
    value = next((named[name] for name in names if named.get(name)), None)
    return found if value is None else {**found, unit: usd(value)}


def without_derived(prices: Prices, kept: set[str]) -> Prices:
    """Leaves out what follows from another kind, except kinds that a tier prices too."""
    rows = [(kind, prices[kind]) for kind in KINDS if kind in prices]
    rows += [(unit, price) for unit, price in prices.items() if unit not in KINDS]
    return {kind: price for kind, price in rows if kind in kept or not _follows(prices, kind, price)}


def _follows(prices: Prices, kind: str, price: Decimal) -> bool:
    source = DERIVED.get(kind)
    while source is not None:
        if source in prices:
            return prices[source] == price
        source = DERIVED.get(source)
    return False


def written(prices: Prices) -> str:
    """As members of an inline table, in the order of KINDS."""
    ordered = sorted(prices.items(), key=lambda item: KINDS.index(item[0]) if item[0] in KINDS else len(KINDS))
    return ", ".join(f'{kind} = "{format(price.normalize(), "f")}"' for kind, price in ordered)


def line_of(facts: dict[str, Any], variants: list[tuple[str, str, Prices]]) -> str | None:
    """The inline table of one model; None where nothing in it can be billed."""
    mode = MODES.get(facts["mode"] or "")
    if mode is None:
        return None
    tokens, longer = token_prices(facts, mode), tiers(facts)
    prices = {**tokens, **unit_prices(facts, mode, tokens=any(tokens.values()))}
    if not prices or (mode not in SILENT and set(prices) <= {"search"}):
        return None
    kept = {kind for found in longer.values() for kind in found}
    parts = [f'mode = "{mode}"', written(without_derived(prices, kept))]
    if mode in WRITING and facts.get("max_output_tokens"):
        parts.insert(1, f"max_output = {facts['max_output_tokens']}")
    if longer:
        parts.append("over = {" + ", ".join(f"{length} = {{{written(longer[length])}}}" for length in sorted(longer)) + "}")
    if variants and "image" in prices:
        rows = (f'{{size = "{size}", quality = "{quality}", {written(found)}}}' for quality, size, found in sorted(variants))
        parts.append("at = [" + ", ".join(rows) + "]")
    return "{" + ", ".join(parts) + "}"


def variants_of(models: dict[str, Any]) -> dict[str, list[tuple[str, str, Prices]]]:
    """Prices by quality and size: the facts write them as models, `high/1024-x-1536/gpt-image-1`."""
    found: dict[str, list[tuple[str, str, Prices]]] = {}
    for name, facts in models.items():
        quality, _, rest = name.partition("/")
        size, _, model = rest.partition("/")
        if "-x-" in size and "input_cost_per_image" in facts.get("usd", {}):
            row = (quality, size.replace("-x-", "x"), {"image": usd(facts["usd"]["input_cost_per_image"])})
            found.setdefault(model, []).append(row)
    return found


def own_models(models: dict[str, Any], vendor: str, starts: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A vendor's own models by the names that its API takes; a name without the vendor's prefix comes first."""
    for full in sorted(models, key=lambda name: ("/" in name, name)):
        facts = models[full]
        name = full.removeprefix(f"{vendor}/")
        if facts["provider"] == vendor and "/" not in name and name.startswith(starts):
            yield (f"{name}*" if name.startswith("ft:") else name), facts


def catalogue(models: dict[str, Any]) -> str:
    """The whole file."""
    variants = variants_of(models)
    sections: dict[str, dict[str, str]] = {}
    taken: set[str] = set()
    for owner, vendor, starts in OWNERS:
        for name, facts in own_models(models, vendor, starts):
            line = None if name in taken else line_of(facts, variants.get(name, []))
            if line is not None:
                taken.add(name)
                sections.setdefault(owner, {})[name] = line
    texts = [
        f"[{owner}]\n" + "".join(f'"{name}" = {lines[name]}\n' for name in sorted(lines)) for owner, lines in sections.items()
    ]
    return "\n".join([HEADER, *texts])


def main(arguments: list[str]) -> int:
    """Write the catalogue to standard output."""
    path = Path(arguments[0]) if arguments else FACTS
    if not path.is_file():
        print(f"no facts at {path}: the catalogue stays as it is", file=sys.stderr)
        return 1
    sys.stdout.write(catalogue(json.loads(path.read_text("utf-8"), parse_float=Decimal)["models"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

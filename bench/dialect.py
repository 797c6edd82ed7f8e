"""Microseconds that a dialect and a provider add to a call: per streamed chunk, per request body, per described request.

Run: `python bench/dialect.py`. One line a case, best of several runs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from timeit import repeat

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from entrepot.core.dialect import Changes, Tap, Tapping
from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.dialects.catalogue import load_dialects
from entrepot.kit import json
from entrepot.providers.catalogue import load_catalogue

ROUNDS = 20_000
CHUNK = (
    b'data: {"id":"chatcmpl-B0SvhBrGz9WtfvSFBpTKn8qqJfVvD","object":"chat.completion.chunk","created":1739439309,'
    b'"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_0165350fbb","choices":[{"index":0,'
    b'"delta":{"content":" hello"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
)
EVENT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":" hello"}               }\n\n'
)
LIST = CHUNK.replace(b'" hello"', b'[{"type":"text","text":" hello"}]')


def timed(label: str, run: Callable[[], object], rounds: int = ROUNDS) -> None:
    """Print the best of seven runs."""
    best = min(repeat(run, number=rounds, repeat=7)) / rounds
    print(f"{label:<52}{best * 1e6:>9.2f} µs")


def body(size: int) -> bytes:
    """A chat request of about `size` bytes."""
    text = "It was a dark and stormy night; the rain fell in torrents. " * (size // 60)
    return json.encode(
        {
            "model": "gpt-4o-mini",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
            "stream": True,
            "temperature": 0.7,
            "max_tokens": 500,
        }
    )


def main() -> None:
    """Print the table."""
    dialect = load_dialects()["chat"]

    def tap(**how: object) -> Tap:
        return dialect.tap(Tapping(stream=True, **how))  # type: ignore[arg-type]

    plain, shown, lenient = tap(), tap(show_model="public-name"), tap()
    print(f"one chunk of {len(CHUNK)} bytes")
    timed("  forward", lambda: plain.feed(CHUNK))
    timed("  forward, model name shown", lambda: shown.feed(CHUNK))
    timed("  forward, content is a list (mistral)", lambda: lenient.feed(LIST))
    messages = load_dialects()["messages"]
    claude = messages.tap(Tapping(stream=True))
    print(f"one event of {len(EVENT)} bytes (Anthropic)")
    timed("  forward", lambda: claude.feed(EVENT))
    for size, rounds in ((1024, ROUNDS), (100 * 1024, 2_000)):
        data = body(size)
        changes = Changes(model="vendor-name", ask_usage=True)
        print(f"a request body of {len(data)} bytes")
        peek = dialect.peek(data)
        timed("  peek", lambda data=data: dialect.peek(data), rounds)
        timed("  peek, Anthropic's", lambda data=data: messages.peek(data), rounds)
        timed("  patch, nothing to change", lambda peek=peek: dialect.patch(peek, Changes()), rounds)
        timed("  patch, model and usage", lambda peek=peek, changes=changes: dialect.patch(peek, changes), rounds)
    origin, prefix, query = parse_origin("https://api.openai.com/v1")
    route = Route(
        channel_id=1, channel="c", provider="openai", group="default", ratio_ppm=1_000_000, model="m", origin=origin,
        prefix=prefix, query=query, key_id=1, secret="sk-" + "x" * 48,
    )  # fmt: skip
    catalogue, beta = load_catalogue(), ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"claude-code-20250219"))
    print("a described request")
    timed("  openai", lambda: catalogue["openai"].request(route, "chat", b"{}", ()))
    timed("  anthropic", lambda: catalogue["anthropic"].request(route, "messages", b"{}", beta))


if __name__ == "__main__":
    main()

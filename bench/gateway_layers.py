"""Where the gateway's time goes: the worker with one part after the other added, CPU a whole call and a chunk.

`python bench/gateway_layers.py [--rounds N] [--write]`. Set-up as in gateway.py; about two minutes.
"""

import argparse
import contextlib
import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.gateway import FULL, calls, fresh_folder, settle, streams
from bench.gateway_report import Found, facts, write
from bench.gateway_servers import Server, layer, vendor
from bench.gateway_worker import LAYERS
from bench.load import Lines, request


async def measure(servers: list[Server], found: dict[str, Found], rounds: int) -> None:
    """Rounds in which all layers take their turn."""
    for number in range(-1, rounds):  # the first one warms up
        for server in servers:
            into, lines = found[server.name] if number >= 0 else Found(), Lines(server.port)
            await lines.calls(request("bench-whole", server.key), 100, 32)
            await calls(server, lines, into, FULL)
            if server.name != "edge" and number >= 0:
                await streams(server, lines, into, FULL)
            lines.close()


def table(found: dict[str, Found]) -> str:
    """One row a layer, with what it adds."""
    rows = ["| layer | CPU µs, 1 KB call | more | CPU µs, 100 KB prompt | more | CPU µs, chunk | more |"]
    rows.append("| --- | --: | --: | --: | --: | --: | --: |")
    before = dict.fromkeys(("call", "long call", "chunk"), 0.0)
    for name, text in LAYERS.items():
        cells = [text]
        for what, last in before.items():
            value = found[name].of(what)
            digits = 1 if what == "chunk" else 0
            cells += ["–", "–"] if value is None else [f"{value:.{digits}f}", f"{value - last:+.{digits}f}"]
            before[what] = value or 0.0
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    settle()
    found = {name: Found() for name in LAYERS}
    with vendor() as port, fresh_folder() as folder, contextlib.ExitStack() as stack:
        servers = [stack.enter_context(layer(name)(folder(), port)) for name in LAYERS]
        uvloop.run(measure(servers, found, options.rounds))
    text = table(found) + "\n\n" + facts(f"python bench/gateway_layers.py --rounds {options.rounds}", [])
    print(text)
    if options.write:
        write(text, "gateway_layers")


if __name__ == "__main__":
    main()

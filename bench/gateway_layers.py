"""Where the gateway's time goes: the worker with one part after the other added, CPU a whole call and a chunk.

`python bench/gateway_layers.py [rounds]`. Set-up as in gateway.py.
"""

import contextlib
import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.gateway import FULL, calls, fresh_folder, settle, streams
from bench.gateway_report import Found
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
            if server.name != "edge":
                await streams(server, lines, into, FULL)
            lines.close()


def main(rounds: int) -> None:
    """Print the table."""
    settle()
    found = {name: Found() for name in LAYERS}
    with vendor() as port, fresh_folder() as folder, contextlib.ExitStack() as stack:
        servers = [stack.enter_context(layer(name)(folder(), port)) for name in LAYERS]
        uvloop.run(measure(servers, found, rounds))
    print("| layer | CPU µs, 1 KB call | more | CPU µs, 100 KB prompt | CPU µs, chunk | more |\n| --- | --: | --: | --: | --: | --: |")
    before = {"call": 0.0, "chunk": 0.0}
    for name, text in LAYERS.items():
        call, long, chunk = (found[name].of(what) for what in ("call", "long call", "chunk"))
        assert call is not None
        cells = [f"{call:.0f}", f"+{call - before['call']:.0f}", f"{long:.0f}"]
        cells += ["–", "–"] if chunk is None else [f"{chunk:.1f}", f"+{chunk - before['chunk']:.1f}"]
        print(f"| {text} | " + " | ".join(cells) + " |")
        before = {"call": call, "chunk": chunk or 0.0}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)

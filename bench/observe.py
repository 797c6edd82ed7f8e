"""What observing a finished call costs, in µs of the event loop's time and of the whole process.

`python bench/observe.py [records]`. The loop pays for counting and two appends; encoding and
writing lines is a thread's, and shows in the CPU time of the process.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence

from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage
from entrepot.kit.clock import SystemClock
from entrepot.observe.calls import CallLog, encode
from entrepot.observe.metrics import Metrics


def sample(number: int) -> Record:
    """A call as most are: one attempt, streamed, four kinds of tokens."""
    return Record(
        id=f"req_20261120abcdefg{number:010d}",
        operation="chat",
        dialect="openai_chat",
        arrived=1_800_000_000.125,
        status=200,
        outcome="ok",
        fault=None,
        model=f"model-{number % 20}",
        stream=True,
        address="203.0.113.7",
        client_id=None,
        user_id=3,
        key_id=4,
        key_name="app",
        group="default",
        channel_id=5,
        channel=f"channel-{number % 5}",
        provider="openai",
        upstream_model="gpt-4o-2026",
        attempts=(Attempt("north", 5, 8, 200, 456.78),),
        usage=Usage(input=10, cache_read=5, output=20, reasoning=1),
        ttft_ms=210.0,
        total_ms=1234.5,
        bytes_in=1000,
        bytes_out=2000,
    )


def loop_cost(observers: Sequence[Callable[[Record], None]], records: list[Record]) -> float:
    """µs of this thread a record, best of five."""
    best = float("inf")
    for _ in range(5):
        started = time.thread_time()
        for record in records:
            for observe in observers:
                observe(record)
        best = min(best, (time.thread_time() - started) / len(records) * 1e6)
    return best


def main(count: int) -> None:
    """Print the table."""
    records = [sample(number) for number in range(count)]
    clock = SystemClock()

    metrics = Metrics(None, 0, clock)
    null = os.open(os.devnull, os.O_WRONLY)
    log = CallLog(null, limit=10 * count)
    print(f"{'metrics':<28}{loop_cost([metrics.observe], records):8.2f} µs a record")
    print(f"{'call log (queue only)':<28}{loop_cost([log.observe], records):8.2f} µs a record")
    both = loop_cost([metrics.observe, log.observe], records)
    print(f"{'both, on the event loop':<28}{both:8.2f} µs a record   (limit 5)")
    started = time.process_time()
    for record in records:
        encode(record)
    print(f"{'encoding a line (thread)':<28}{(time.process_time() - started) / count * 1e6:8.2f} µs a record")
    started = time.perf_counter()
    text = metrics.render()
    print(f"{'/metrics, 100 series':<28}{(time.perf_counter() - started) * 1e3:8.2f} ms, {len(text) // 1024} KB")
    started = time.perf_counter()
    size = len(metrics.snapshot())
    print(f"{'a snapshot, once a second':<28}{(time.perf_counter() - started) * 1e3:8.2f} ms, {size // 1024} KB")
    log.close(30)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)

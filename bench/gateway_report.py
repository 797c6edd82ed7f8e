"""What the gateway's benchmark found, as Markdown."""

import os
import platform
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
_BEGIN = "<!-- written by bench/{}.py --write -->"
_END = "<!-- end -->"


@dataclass
class Found:
    """Measurements of one server: by what was measured, one number a round."""

    numbers: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, value: float) -> None:
        self.numbers.setdefault(what, []).append(value)

    def of(self, what: str) -> float | None:
        """The median of the rounds."""
        values = self.numbers.get(what)
        return median(values) if values else None


COSTS = {
    "call": "CPU µs, whole 1 KB call",
    "long call": "CPU µs, call with a 100 KB prompt",
    "chunk": "CPU µs, streamed chunk of 300 B",
    "stream memory": "KB resident, open stream",
}
FACTS = {
    "call p50": "added ms, whole call, p50",
    "call p99": "added ms, whole call, p99",
    "first p50": "added ms, first content, p50",
    "first p99": "added ms, first content, p99",
    "rest": "MB resident at rest",
    "rate": "calls/s of one worker, 1 KB",
    "idle": "CPU ms a second at rest",
}


def table(found: dict[str, Found]) -> str:
    """Costs with their ratios, then facts."""
    names = list(found)
    peers = [name for name in names if name != "entrepot"]
    ratios = [f"entrepot ÷ {name}" if name == "nginx" else f"{name} ÷ entrepot" for name in peers]
    lines = [_row(["", *names, *ratios]), _row(["---", *["--:"] * (len(names) + len(ratios))])]
    for what, label in COSTS.items():
        values = {name: found[name].of(what) for name in names}
        cells = [_number(values[name]) for name in names]
        lines.append(_row([label, *cells, *(_ratio(values, name) for name in peers)]))
    for what, label in FACTS.items():
        lines.append(_row([label, *(_number(found[name].of(what)) for name in names), *["" for _ in peers]]))
    return "\n".join(lines)


def _ratio(values: dict[str, float | None], peer: str) -> str:
    mine, theirs = values.get("entrepot"), values[peer]
    if not mine or not theirs:
        return "–"
    return f"**{mine / theirs if peer == 'nginx' else theirs / mine:.2f}**"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def facts(command: str, notes: list[str]) -> str:
    """When, on what, by which command."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    load = os.getloadavg()[0]
    versions = f"Python {platform.python_version()}, Linux {platform.release().split('-')[0]}"
    text = f"{day}, {_model()}, {os.cpu_count()} cores, {versions}; load average at the end {load:.1f}. Command: `{command}`."
    return " ".join([text, *notes])


def _model() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1].strip() if found else platform.machine()


def write(text: str, script: str) -> None:
    """Put a script's table between its marks in the document."""
    mark = _BEGIN.format(script)
    before, found, rest = DOCUMENT.read_text(encoding="utf-8").partition(mark)
    if not found:
        raise SystemExit(f"{DOCUMENT.name} has no place for it: {mark}")
    _, _, after = rest.partition(_END)
    DOCUMENT.write_text(f"{before}{mark}\n\n{text}\n\n{_END}{after}", encoding="utf-8")

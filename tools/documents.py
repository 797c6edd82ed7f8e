"""Writes the generated parts of the documents anew: `python -m tools.documents`. `tests/tools/test_documents.py` checks them.

A part stands between `<!-- made by tools.documents: NAME -->` and `<!-- end of NAME -->`; what is
outside of the marks is written by hand and stays.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from entrepot.core.faults import TABLE, Charge, Kind, Row
from entrepot.gateway.app import OPERATIONS, PREFIXES
from entrepot.providers.catalogue import Listed, load_catalogue

_OURS = "sandbox"
"""The built-in vendor: in docs/sandbox.md, and no vendor to put behind."""


def providers() -> str:
    """The vendors of the catalogue, each once: those that the tests replay first."""
    known: dict[str, Listed] = {found.name: found for found in load_catalogue().values() if found.name != _OURS}
    ordered = sorted(known.values(), key=lambda found: (not found.row.tested, found.name))
    rows = [
        (f"`{found.name}`", found.row.label, _words(found.row.aliases), ", ".join(found.row.all_operations), _state(found))
        for found in ordered
    ]
    return _table(("provider", "vendor", "also called", "operations", "state"), rows)


def faults() -> str:
    """The table of errors, as `core/faults.py` has it."""
    head = ("status", "type", "code", "name in logs", "message", "elsewhere", "billed")
    return _table(head, [_fault(kind, row) for kind, row in TABLE.items()])


def calls() -> str:
    """Every form of every path that is a call."""
    rows = [(operation, *(f"`POST {prefix}{path}`" for prefix in PREFIXES)) for path, operation in OPERATIONS.items()]
    return _table(("operation", "path", "without the version", "version doubled"), rows)


_BILLED = {
    Charge.NOTHING: "no",
    Charge.DELIVERED: "what was delivered",
    Charge.BEGUN: "what was delivered, and the prompt",
}

PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"providers": providers},
    "docs/endpoints.md": {"calls": calls, "errors": faults},
}


def filled(text: str, name: str, body: str) -> str:
    """The document with this part written anew. Raises ValueError where its marks are not there once and in order."""
    opening, closing = f"<!-- made by tools.documents: {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = text.partition(opening)
    _, ended, after = rest.partition(closing)
    if not found or not ended or opening in after or closing in before + after:
        raise ValueError(f"the marks of the part {name!r} are not there once and in order")
    return f"{before}{opening}\n{body}\n{closing}{after}"


def current(name: str, text: str) -> str:
    """A document with all of its parts as they should be. Raises ValueError."""
    for part, make in PARTS[name].items():
        text = filled(text, part, make())
    return text


def main(arguments: list[str]) -> int:
    """Write the documents of a checkout; the exit status."""
    root = Path(arguments[0]) if arguments else Path(__file__).parents[1]
    for name in PARTS:
        file = root / name
        text = file.read_text("utf-8")
        made = current(name, text)
        if made != text:
            file.write_text(made, "utf-8")
            print(f"{name}: written anew")
    return 0


def _fault(kind: Kind, row: Row) -> tuple[str, ...]:
    status = f"{row.status}, or the vendor's" if row.forward else str(row.status)
    billed = _BILLED[row.charge]
    names = tuple(f"`{name}`" for name in (row.type, row.code, kind.value))
    return (status, *names, row.message, "yes" if row.elsewhere else "no", billed)


def _state(found: Listed) -> str:
    return "tested" if found.row.tested else "unverified"


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [tuple(head), *map(tuple, rows)]
    lines.insert(1, ("---",) * len(lines[0]))
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

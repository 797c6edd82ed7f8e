"""Tests sit where the source sits."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.rules.project import Finding, Project, Source

_SOURCE = PurePosixPath("src/entrepot")


def tests_mirror_source(project: Project) -> Iterator[Finding]:
    """Prevents: the module that everybody believed was tested. `src/entrepot/a/b.py` has `tests/a/test_b.py`."""
    names = set(project.names)
    aliases = {alias["source"]: alias["test"] for alias in project.exceptions.get("alias", [])}
    for source in project.under(str(_SOURCE)):
        if _needs_no_test(source):
            continue
        wanted = aliases.get(source.path) or str(expected_test(source.path))
        if wanted not in names:
            yield Finding(source.path, 1, "mirror", f"has no {wanted}")


def expected_test(path: str) -> PurePosixPath:
    """Where the test of a source file has to be."""
    inner = PurePosixPath(path).relative_to(_SOURCE)
    return PurePosixPath("tests") / inner.parent / f"test_{inner.stem.lstrip('_')}.py"


def _needs_no_test(source: Source) -> bool:
    path = PurePosixPath(source.path)
    return path.stem in ("__init__", "__main__") or "migrations" in path.parts or declares_only(source)


def declares_only(source: Source) -> bool:
    """True for a file without a line to run: contracts, facts and names for types."""
    has_body = any(not _is_empty(node) for _, node in source.functions())
    return not has_body and all(isinstance(node, _DECLARATIONS) for node in source.tree.body)


_DECLARATIONS = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr)


def _is_empty(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant) for step in node.body)

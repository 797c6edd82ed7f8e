"""Budgets: how long a file and a function may be, and how many parameters it may take."""

import ast
from collections.abc import Iterator

from tools.rules.project import Finding, FunctionNode, Project, Source

FILE, FILE_HARD = 400, 600
TEST_FILE = 600
FUNCTION, FUNCTION_HARD = 40, 60
PARAMETERS = 5


def file_length(project: Project) -> Iterator[Finding]:
    """Prevents: the file nobody reads whole. A peer's tidy folders stand around one of 11,867 lines,
    and a fix in it breaks what its author never saw.
    """
    for source in project.under("src", "tools", "bench"):
        if source.length > FILE:
            message = f"{source.length} lines, the budget is {FILE} (hard {FILE_HARD}): split it by what it answers"
            yield Finding(source.path, 1, "file-length", message, hard=source.length > FILE_HARD)
    for source in project.under("tests"):
        if source.length > TEST_FILE:
            yield Finding(source.path, 1, "file-length", f"{source.length} lines, the budget of a test file is {TEST_FILE}")


def function_length(project: Project) -> Iterator[Finding]:
    """Prevents: the relay function of 400 lines in which a refund was forgotten on one of 31 exits."""
    for source in project.under("src"):
        for name, node in source.functions():
            length = body_length(node)
            if length > FUNCTION:
                message = f"{name} has {length} lines, the budget is {FUNCTION} (hard {FUNCTION_HARD})"
                yield Finding(source.path, node.lineno, "function-length", message, name, hard=length > FUNCTION_HARD)


def parameters(project: Project) -> Iterator[Finding]:
    """Prevents: two of seven positional arguments swapped at one call (account id and key id are both integers)."""
    for source in project.under("src"):
        yield from _too_many(source)


def body_length(node: FunctionNode) -> int:
    """Lines from `def` to the last, without the docstring: explaining must not cost."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def _too_many(source: Source) -> Iterator[Finding]:
    for name, node in source.functions():
        taken = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        if taken and taken[0] in ("self", "cls"):
            taken = taken[1:]
        if len(taken) > PARAMETERS:
            message = f"{name} takes {len(taken)} positional parameters, the budget is {PARAMETERS}: make some keyword-only"
            yield Finding(source.path, node.lineno, "parameters", message, name)

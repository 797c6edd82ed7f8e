"""What every source file looks like: says what it is, imports at its top, keeps no state, is named for what it does."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from tools.rules.project import Finding, FunctionNode, Project, Source

_MAKERS = frozenset(
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter", "WeakValueDictionary"}
)
_CHANGERS = frozenset(
    {"append", "add", "extend", "insert", "update", "setdefault", "pop", "popitem", "clear", "remove", "discard", "appendleft"}
)
_EMPTY_NAMES = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "misc", "common", "stuff"})


def first_line(project: Project) -> Iterator[Finding]:
    """Prevents: the fix in the wrong file, because five files looked as if they owned the matter."""
    for source in project.under("src", "tests", "bench", "tools"):
        if not source.text.strip():
            continue
        if ast.get_docstring(source.tree) is None:
            yield Finding(source.path, 1, "first-line", "the file does not begin with a docstring that says what it is")
        elif not source.text.lstrip().startswith(('"""', 'r"""')):
            yield Finding(source.path, 1, "first-line", "the docstring is not on the first line")


def inner_imports(project: Project) -> Iterator[Finding]:
    """Prevents: an import cycle that shows only when the one path is taken that imports (a peer has 5,986 of them)."""
    for source in project.under("src", "tools"):
        for name, node in source.functions():
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    message = f"import inside {name}: move it up; if it cannot, the floor is wrong"
                    yield Finding(source.path, inner.lineno, "inner-import", message, name)


def module_state(project: Project) -> Iterator[Finding]:
    """Prevents: two apps in one process (or two tests) sharing a cache, and one tenant seeing another's row."""
    for source in project.under("src"):
        yield from _mutable_names(source)
        yield from _changed_constants(source)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Global):
                yield Finding(source.path, node.lineno, "module-state", "`global`: pass the value in", node.names[0])


def empty_names(project: Project) -> Iterator[Finding]:
    """Prevents: the drawer into which everything goes, until every module imports it and it imports every module."""
    for source in project.under("src"):
        words = set(PurePosixPath(source.path).stem.strip("_").split("_"))
        if words & _EMPTY_NAMES:
            yield Finding(source.path, 1, "empty-name", "name the file for what it answers")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Manager", "Helper", "Utils", "Util")):
                message = f"class {node.name}: name it for what it is"
                yield Finding(source.path, node.lineno, "empty-name", message, node.name)


def _mutable_names(source: Source) -> Iterator[Finding]:
    for node in source.tree.body:
        for name, value in _assigned(node):
            if _is_dunder(name) or not _is_mutable(value):
                continue
            is_constant = name.isupper() and isinstance(value, ast.Dict | ast.DictComp)
            if not is_constant:
                message = (
                    f"module-level mutable `{name}`: a tuple or frozenset, an UPPER_CASE dict that is only read, or pass it in"
                )
                yield Finding(source.path, node.lineno, "module-state", message, name)


def _changed_constants(source: Source) -> Iterator[Finding]:
    tables = {name for node in source.tree.body for name, value in _assigned(node) if _is_mutable(value)}
    for _, function in source.functions():
        local = _local_names(function)
        for node in ast.walk(function):
            changed = _changed_name(node)
            if changed in tables - local:
                message = f"`{changed}` is a module's table and is changed here: pass it in"
                yield Finding(source.path, getattr(node, "lineno", 1), "module-state", message, changed or "")


def _assigned(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    if isinstance(value, ast.Call):
        maker = value.func
        name = maker.id if isinstance(maker, ast.Name) else maker.attr if isinstance(maker, ast.Attribute) else ""
        return name in _MAKERS
    return False


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _local_names(function: FunctionNode) -> set[str]:
    named = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return named | stored


def _changed_name(node: ast.AST) -> str | None:
    """The name whose contents this node changes: `X[k] = v`, `del X[k]`, `X.append(v)`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del) and isinstance(node.value, ast.Name):
        return node.value.id
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGERS:
        return node.func.value.id if isinstance(node.func.value, ast.Name) else None
    return None

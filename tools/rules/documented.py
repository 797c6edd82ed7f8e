"""What a user can set, call or type is in the documentation."""

import ast
import re
from collections.abc import Iterator

from tools.rules.project import Finding, Project, Source

_SETTINGS = "src/entrepot/settings.py"
_CALLERS = frozenset({"ENTREPOT_KEY"})
"""What our examples call the shell variable that holds a caller's own key; no process of ours reads it."""
_VARIABLE = re.compile(r"\bENTREPOT_[A-Z0-9_]*[A-Z0-9]\b")
_METRIC = re.compile(r"entrepot_[a-z_]+[a-z]")
_ROUTE = re.compile(r"/(?:v1|api|healthz|readyz|metrics)(?:/[a-z_{}./-]*)?")


def settings_documented(project: Project) -> Iterator[Finding]:
    """Prevents: the limit that an operator could not raise in an outage, because only its author knew of it."""
    if "docs/configuration.md" not in project.names:
        return
    text = project.text("docs/configuration.md")
    for name in setting_names(project):
        if f"`{name}`" not in text:
            yield Finding(_SETTINGS, 1, "undocumented", f"setting `{name}` is not in docs/configuration.md", name)


def variables_are_settings(project: Project) -> Iterator[Finding]:
    """Prevents: a variable in a deployment guide that nothing reads, while the default is in force."""
    known = {f"ENTREPOT_{name.upper()}" for name in setting_names(project)} | _strings_with_prefix(project) | _CALLERS
    for name, text in project.texts("src/", "docs/", "bench/", "README.md", "Makefile", ".ci/"):
        for match in _VARIABLE.finditer(text):
            if match.group() not in known:
                line = text.count("\n", 0, match.start()) + 1
                yield Finding(name, line, "unknown-variable", f"{match.group()} is not a setting", match.group())


def routes_documented(project: Project) -> Iterator[Finding]:
    """Prevents: the endpoint that stays open because nobody who reviews access knew it was there."""
    if "docs/endpoints.md" not in project.names:
        return
    text = project.text("docs/endpoints.md")
    for source in project.under("src/entrepot/gateway", "src/entrepot/control"):
        for line, route in _routes(source):
            if route not in text:
                yield Finding(source.path, line, "undocumented", f"{route} is not in docs/endpoints.md", route)


def commands_documented(project: Project) -> Iterator[Finding]:
    """Prevents: an operator who edits the database by hand, because the command for it was not in the book."""
    if "docs/cli.md" not in project.names:
        return
    text = project.text("docs/cli.md")
    for source in project.under("src/entrepot/cli"):
        for line, command in _commands(source):
            if not re.search(rf"\b{re.escape(command)}\b", text):
                yield Finding(source.path, line, "undocumented", f"command `{command}` is not in docs/cli.md", command)


def metrics_documented(project: Project) -> Iterator[Finding]:
    """Prevents: the number that told of the outage an hour before, and on which nobody knew to set an alarm."""
    if "docs/endpoints.md" not in project.names:
        return
    text = project.text("docs/endpoints.md")
    for source in project.under("src/entrepot/observe", "src/entrepot/compose"):
        for node in ast.walk(source.tree):
            name = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if _METRIC.fullmatch(name) and not re.search(rf"`{name}(?:_total)?`", text):
                yield Finding(source.path, node.lineno, "undocumented", f"metric {name} is not in docs/endpoints.md", name)


def setting_names(project: Project) -> list[str]:
    """The fields of `settings.Settings`."""
    for source in project.sources:
        if source.path == _SETTINGS:
            classes = [node for node in source.tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
            fields = [step.target for node in classes for step in node.body if isinstance(step, ast.AnnAssign)]
            return [target.id for target in fields if isinstance(target, ast.Name)]
    return []


def _strings_with_prefix(project: Project) -> set[str]:
    """Variables that settings.py itself names (what the supervisor hands to a child)."""
    if _SETTINGS not in project.names:
        return set()
    nodes = ast.walk(ast.parse(project.text(_SETTINGS)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if _VARIABLE.fullmatch(text)}


def _routes(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _ROUTE.fullmatch(node.value):
            yield node.lineno, node.value


def _commands(source: Source) -> Iterator[tuple[int, str]]:
    """Functions decorated with `@….command()` or `@….command("name")`."""
    for _, function in source.functions():
        for decorator in function.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and isinstance(decorator.func, ast.Attribute)
                and decorator.func.attr == "command"
            ):
                first = decorator.args[0] if decorator.args else None
                named = isinstance(first, ast.Constant) and isinstance(first.value, str)
                yield function.lineno, str(first.value) if named else function.name.replace("_", "-")

"""The checkout as the rules see it: source files with their syntax trees, and what a rule may find."""

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Finding:
    """One breach of one rule. `name` tells apart what is found within one file."""

    path: str
    line: int
    rule: str
    message: str
    name: str = ""
    hard: bool = False
    """No exception may cover it."""


@dataclass
class Source:
    """One Python file."""

    path: str
    """Relative to the project, with slashes."""
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def length(self) -> int:
        return len(self.text.splitlines())

    def functions(self) -> Iterator[tuple[str, FunctionNode]]:
        """Every function with its dotted name, nested ones included."""
        yield from _functions(self.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, FunctionNode]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield prefix + child.name, child
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)


@dataclass
class Project:
    """A checkout. Only files that git tracks or would add count: no caches, no data."""

    root: Path
    names: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, root: Path) -> "Project":
        """The checkout at `root`; where git knows nothing of it, every file below."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listing = subprocess.run(command, cwd=root, capture_output=True, check=False)
        if listing.returncode == 0:
            names = [name for name in listing.stdout.decode().split("\0") if name and (root / name).is_file()]
        else:
            names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
        return cls(root, sorted(set(names)))

    @cached_property
    def sources(self) -> list[Source]:
        """All Python files."""
        return [Source(name, self.text(name)) for name in self.names if name.endswith(".py")]

    def under(self, *folders: str) -> list[Source]:
        """The Python files below these folders."""
        prefixes = tuple(f"{folder}/" for folder in folders)
        return [source for source in self.sources if source.path.startswith(prefixes)]

    def text(self, name: str) -> str:
        """A file's text; bytes that are no UTF-8 are replaced. Empty where the file is gone by now."""
        try:
            return (self.root / name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def texts(self, *prefixes: str) -> Iterator[tuple[str, str]]:
        """Name and text of each text file whose path starts with one of the prefixes (all without any)."""
        for name in self.names:
            if not prefixes or name.startswith(prefixes):
                text = self.text(name)
                if "\0" not in text[:1024]:
                    yield name, text

    @cached_property
    def exceptions(self) -> dict[str, list[dict[str, str]]]:
        """What `tools/house_exceptions.toml` says."""
        file = self.root / "tools/house_exceptions.toml"
        return tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

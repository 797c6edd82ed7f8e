"""The checkout as the rules see it."""

import subprocess
from pathlib import Path

from tools.rules.project import Project, Source


def test_functions_have_dotted_names() -> None:
    text = "class A:\n    async def f(self):\n        def g(): ...\nif x:\n    def h(): ...\n"
    assert [name for name, _ in Source("a.py", text).functions()] == ["A.f", "A.f.g", "h"]


def test_only_what_git_tracks_or_would_add(tmp_path: Path) -> None:
    for command in (["git", "init", "-q"],):
        subprocess.run(command, cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("data/\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.py").write_text("x")
    (tmp_path / "b.py").write_text("x")
    (tmp_path / "gone.py").write_text("x")
    subprocess.run(["git", "add", "gone.py"], cwd=tmp_path, check=True)
    (tmp_path / "gone.py").unlink()
    assert Project.at(tmp_path).names == [".gitignore", "b.py"]


def test_exceptions_are_none_without_the_list(tmp_path: Path) -> None:
    assert Project.at(tmp_path).exceptions == {}

"""Nothing of one machine ends up in the project. (What must not stand in a file is put together here.)"""

import pytest

from tools.rules import leaks

_REGISTRY = "pypi" + ".org"
_PIN = "a==1.0 \\\n    --hash=sha256:00\n    # via b\nb==2 ; sys_platform == 'win32' \\\n    --hash=sha256:11\n"


@pytest.mark.parametrize("path", ["/wo" + "rk/main", "/ro" + "ot/x", "/ho" + "me/jane/x", "/Us" + "ers/jane"])
def test_a_path_of_one_machine(checkout, path: str) -> None:
    assert len(list(leaks.machine_paths(checkout({"README.md": f"see {path}"})))) == 1


@pytest.mark.parametrize("text", ["a/work/b", "https://x.example/root/y", "/workers/x", "~/work"])
def test_what_only_looks_like_one(checkout, text: str) -> None:
    assert not list(leaks.machine_paths(checkout({"README.md": text})))


def test_scratch_paths_in_source_and_docs_only(checkout) -> None:
    text = '"/t' + 'mp/x"'
    found = leaks.machine_paths(checkout({"src/entrepot/a.py": text, "docs/a.md": text, "tests/test_a.py": text}))
    assert [finding.path for finding in found] == ["docs/a.md", "src/entrepot/a.py"]


def test_a_registrys_host(checkout) -> None:
    (finding,) = leaks.registry_hosts(checkout({"docs/a.md": f"one\nfrom {_REGISTRY}\n"}))
    assert finding.line == 2


def test_a_good_lock(checkout) -> None:
    assert not list(leaks.locks_name_no_host(checkout({"requirements.lock": _PIN})))


@pytest.mark.parametrize(
    "line", ["--index-url https://x.example", "c==1", "c @ https://x.example/c.whl", "c>=1 \\\n    --hash=sha256:00"]
)
def test_a_bad_line_in_a_lock(checkout, line: str) -> None:
    assert list(leaks.locks_name_no_host(checkout({"requirements.lock": f"{_PIN}{line}\n"})))


def test_binary_files_are_passed_over(checkout, tmp_path) -> None:
    (tmp_path / "picture.bin").write_bytes(b"\0" + _REGISTRY.encode())
    assert not list(leaks.registry_hosts(checkout({})))

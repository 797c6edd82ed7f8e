"""What README and docs say is what a running installation does."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
ENDPOINTS = (ROOT / "docs/endpoints.md").read_text("utf-8")
PAGES = sorted(file.relative_to(ROOT).as_posix() for file in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))


def _here(text: str, installation: Installation) -> str:
    return text.replace("http://127.0.0.1:3000", installation.base).replace("sk-ent-…", installation.key)


@pytest.mark.parametrize("name", ["README.md", "docs/quickstart.zh.md"])
def test_the_sdk_examples_run(installation: Installation, name: str) -> None:
    examples = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        done = subprocess.run(
            [sys.executable, "-c", _here(example, installation)], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() in ("Hello", "你好")


def test_the_curl_line_is_the_banners(installation: Installation) -> None:
    example = re.findall(r"```sh\n(curl .*?)\n```", README, re.DOTALL)[0]
    printed = re.sub(r"\n\s*", "\n  ", installation.output())
    assert _here(example, installation) in printed


def test_every_metric_is_listed_and_no_other(installation: Installation) -> None:
    lines = httpx.get(f"{installation.base}/metrics").text.splitlines()
    shown = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert set(re.findall(r"^\| `(entrepot_\w+)` \|", ENDPOINTS, re.MULTILINE)) == shown


def test_every_path_of_the_administration_is_listed_with_its_methods(installation: Installation) -> None:
    paths = httpx.get(f"{installation.base}/api/openapi.json").json()["paths"]
    served = {path: ", ".join(method.upper() for method in methods) for path, methods in paths.items()}
    assert dict(re.findall(r"^\| `(/api/[^`]*)` \| ([A-Z, ]+) \|$", ENDPOINTS, re.MULTILINE)) == served


def test_every_listed_form_of_a_path_answers(installation: Installation) -> None:
    forms = re.findall(r"`POST (/[^`]*)`", ENDPOINTS)
    assert len(forms) >= 12
    with httpx.Client(base_url=installation.base) as client:
        for path in forms:
            assert "missing_api_key" in client.post(path, json={}).text.lower(), path
            assert client.get(path).status_code == 405
        for prefix in ("", "/v1", "/v1/v1"):
            listed = client.get(f"{prefix}/models/sandbox/echo", headers={"x-goog-api-key": installation.key})
            assert listed.json()["id"] == "sandbox/echo"
        for path in ("/docs", "/console"):
            assert client.get(path).status_code == 404, "it is there now: say so in docs/endpoints.md"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_leads_somewhere(name: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            assert ((ROOT / name).parent / target.partition("#")[0]).exists(), f"{name} links to {target}"

"""What is in deploy/ fits the program: settings, ports, paths and times, as far as files can be checked without running them.

No image is built here. nginx and systemd check their own files where they are installed.
"""

import asyncio
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.buckets.statements import SILENT_US
from entrepot.settings import PREFIX, Settings
from tests.gateways import running_gateway

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
FILES = ("Dockerfile", "Dockerfile.dockerignore", "compose.yaml", "entrepot.service", "nginx.conf")
STOP_SECONDS = Settings().drain_timeout + 40
"""What docs/operations.md asks of a service manager before it kills."""
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def _text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def _yaml(text: str) -> dict[str, list[str]]:
    """Values by dotted path, of plain YAML: mappings, lists of scalars, no flow style. Anything else is refused."""
    found: dict[str, list[str]] = {}
    path: list[str] = []
    for line in text.splitlines():
        content = line.lstrip(" ")
        if not content or content.startswith("#"):
            continue
        depth, odd = divmod(len(line) - len(content), 2)
        assert not odd, line
        assert depth <= len(path), line
        assert not re.search(r"\t| #|: .*: ", content), line
        del path[depth:]
        if content.startswith("- "):
            found[".".join(path)].append(content[2:].strip('"'))
            continue
        key, value = re.fullmatch(r"([A-Za-z_]+):(?: (.+))?", content).groups()  # type: ignore[union-attr]
        path.append(key)
        assert ".".join(path) not in found, f"twice: {line}"
        found[".".join(path)] = [value] if value else []
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, list[str]]:
    return _yaml(_text("compose.yaml"))


def _instructions() -> list[tuple[str, str]]:
    """The last stage of the Dockerfile: name and argument of each instruction."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", _text("Dockerfile"), flags=re.MULTILINE))
    pairs = [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]
    return pairs[max(index for index, (name, _) in enumerate(pairs) if name == "FROM") :]


def _image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for name, rest in _instructions() if name == "ENV" for pair in rest.split())


def _unit() -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(_text("entrepot.service"))
    return unit


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {PREFIX + field.upper() for field in Settings.__struct_fields__}
    assert set(re.findall(r"\bENTREPOT_[A-Z_]+", _text(name))) <= known


def test_the_list_of_files_is_whole_and_each_is_in_the_book() -> None:
    assert sorted(path.name for path in DEPLOY.iterdir() if path.name != ".env") == sorted(FILES)
    book = (ROOT / "docs/operations.md").read_text("utf-8")
    for name in set(FILES) - {"Dockerfile.dockerignore"}:
        assert f"(../deploy/{name})" in book
    for name in re.findall(r"\(\.\./(deploy/[\w.]+)\)", book):
        assert (ROOT / name).is_file()
    assert f"{SILENT_US // 60_000_000} minutes" in book[book.index("## Scale") : book.index("## Back up")]


def test_what_the_image_is_built_from_is_there_and_allowed_into_the_context() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.+) \S+$", _text("Dockerfile"), re.MULTILINE) for word in line.split()
    ]
    rules = _text("Dockerfile.dockerignore").splitlines()
    assert "*" in rules
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied)
    assert all((ROOT / name).exists() for name in copied)
    assert "--require-hashes -r requirements.lock" in _text("Dockerfile")


def test_the_image_runs_as_nobody_special_on_its_volume_and_port() -> None:
    steps, environment = dict(_instructions()), _image_environment()
    assert steps["USER"] == "entrepot"
    assert steps["VOLUME"] == steps["WORKDIR"] == environment["ENTREPOT_DATA_DIR"]
    assert steps["EXPOSE"] == environment["ENTREPOT_PORT"] == str(Settings().port)
    # As lists: with a shell in between SIGTERM would never reach the supervisor.
    assert [*json.loads(steps["ENTRYPOINT"]), *json.loads(steps["CMD"])] == ["entrepot", "serve"]


async def test_the_image_s_health_check_sees_a_gateway_and_its_absence(tmp_path: Path) -> None:
    rest = dict(_instructions())["HEALTHCHECK"]
    python, *arguments = json.loads(rest[rest.index("CMD ") + 4 :])
    assert python == "python"

    async def check(port: int) -> int:
        # A proxy of the container must not be asked for its own address.
        environment = {
            **os.environ,
            "ENTREPOT_PORT": str(port),
            "HTTP_PROXY": "http://127.0.0.1:9",
            "http_proxy": "http://127.0.0.1:9",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    async with running_gateway(tmp_path) as gateway:
        assert await check(gateway.port) == 0
    assert await check(gateway.port) == 1


def test_compose_keeps_data_and_lets_a_drain_end(compose: dict[str, list[str]]) -> None:
    node = "services.entrepot"
    assert (DEPLOY / compose[f"{node}.build.context"][0] / compose[f"{node}.build.dockerfile"][0]).is_file()
    for service in (node, "services.database"):
        assert compose[f"{service}.restart"] == ["unless-stopped"]
        volume = compose[f"{service}.volumes"][0].split(":")[0]
        assert f"volumes.{volume}" in compose
    assert compose[f"{node}.volumes"][0].endswith(":" + _image_environment()["ENTREPOT_DATA_DIR"])
    assert compose[f"{node}.ports"][0].endswith(":" + _image_environment()["ENTREPOT_PORT"])
    assert int(compose[f"{node}.stop_grace_period"][0].removesuffix("s")) > STOP_SECONDS
    assert compose[f"{node}.depends_on.database.condition"] == ["service_healthy"]
    assert "services.database.healthcheck.test" in compose


def test_compose_has_no_secret_of_its_own(compose: dict[str, list[str]]) -> None:
    for variable in ("POSTGRES_PASSWORD", "ENTREPOT_SECRET_KEYS", "ENTREPOT_DATABASE_URL"):
        values = [value[0] for path, value in compose.items() if path.endswith(f"environment.{variable}")]
        assert values
        assert all(":?" in value for value in values), "a secret without a value must stop the start"
    assert "/deploy/.env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize("text", ["a:\n   b: c", "a: [b]: c", "a: b\na: c", "\ta: b", "a: b: c"])
def test_yaml_that_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises((AssertionError, AttributeError)):
        _yaml(text)


def test_the_unit_lets_a_drain_end_and_starts_what_has_died() -> None:
    service = _unit()["Service"]
    assert int(service["TimeoutStopSec"]) > STOP_SECONDS
    assert service["Restart"] == "always"
    assert service["Environment"] == f"ENTREPOT_DATA_DIR=/var/lib/{service['StateDirectory']}"
    assert service["ExecStart"].endswith("/.venv/bin/entrepot serve")
    assert int(service["LimitNOFILE"]) >= 3 * Settings().max_calls


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "entrepot.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", _text("entrepot.service"), flags=re.MULTILINE), "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_nginx_forwards_streams_and_large_bodies() -> None:
    text = _text("nginx.conf")
    assert int(re.search(r"client_max_body_size (\d+)m;", text)[1]) << 20 == Settings().max_body  # type: ignore[index]
    assert int(re.search(r"keepalive_timeout (\d+)s;", text)[1]) < Settings().keepalive_timeout  # type: ignore[index]
    assert len(re.findall(rf"server [\d.]+:{Settings().port};", text)) == 2
    for line in (
        "proxy_buffering off;",
        "proxy_http_version 1.1;",
        'proxy_set_header Connection "";',
        "proxy_read_timeout 1h;",
    ):
        assert line in text
    assert "non_idempotent" not in re.sub(r"#.*", "", text)


@pytest.mark.skipif(not NGINX, reason="nginx is not installed")
def test_nginx_takes_the_example(tmp_path: Path) -> None:
    # Certificates are the operator's: without them `nginx -t` would only say that they are missing.
    site = re.sub(r"^\s*ssl_certificate.*\n", "", _text("nginx.conf"), flags=re.MULTILINE).replace(
        "listen 443 ssl", "listen 8443"
    )
    places = "".join(f"{kind}_temp_path {tmp_path / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole = f"error_log stderr; pid {tmp_path / 'pid'}; events {{}} http {{ access_log off; {places}\n{site}}}"
    (tmp_path / "nginx.conf").write_text(whole, "utf-8")
    command = [str(NGINX), "-t", "-q", "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")

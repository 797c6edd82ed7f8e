"""Command line before environment before file before default, and a clear word for what is wrong."""

import os
from pathlib import Path
from typing import Any

import pytest

from entrepot.settings import Handoff, Settings, SettingsError, load, read_file, received_handoff


def _file(folder: Path, text: str) -> Path:
    file = folder / "entrepot.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults() -> None:
    settings = load(environ={})
    assert (settings.host, settings.port, settings.workers, settings.database_url) == ("127.0.0.1", 3000, 1, None)
    assert settings == Settings()


def test_precedence(tmp_path: Path) -> None:
    file = _file(tmp_path, "[server]\nport = 1\nworkers = 2\nhost = 'file'\nmax_calls = 7\n")
    environ = {"ENTREPOT_PORT": "4", "ENTREPOT_HOST": "environment", "PORT": "9"}
    settings = load(file, environ, {"port": 5, "host": None})
    assert (settings.port, settings.host, settings.workers, settings.max_calls) == (5, "environment", 2, 7)


def test_other_tables_of_the_file_do_not_matter_here(tmp_path: Path) -> None:
    assert load(_file(tmp_path, "[[channel]]\nname = 'x'\n"), {}) == Settings()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("ENTREPOT_CALL_LOG", "false", "call_log", False),
        ("ENTREPOT_CALL_LOG", "1", "call_log", True),
        ("ENTREPOT_DRAIN_TIMEOUT", "2.5", "drain_timeout", 2.5),
        ("ENTREPOT_TRUSTED_PROXIES", "10.0.0.0/8, ::1,", "trusted_proxies", ("10.0.0.0/8", "::1")),
        ("ENTREPOT_SECRET_KEYS", "a,b", "secret_keys", ("a", "b")),
        ("ENTREPOT_LOG_LEVEL", "debug", "log_level", "debug"),
    ],
)
def test_environment(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(load(environ={variable: text}), field) == value


def test_an_empty_variable_is_not_set() -> None:
    settings = load(environ={"ENTREPOT_METRICS_TOKEN": "", "ENTREPOT_PORT": "", "ENTREPOT_DATABASE_URL": ""})
    assert settings == Settings()


def test_what_kubernetes_sets_for_a_service_of_our_name_is_not_a_port() -> None:
    assert load(environ={"ENTREPOT_PORT": "tcp://10.0.0.7:3000"}).port == 3000


@pytest.mark.parametrize(
    ("overrides", "word"),
    [
        ({"port": "abc"}, "port"),
        ({"port": 70_000}, "port"),
        ({"workers": 0}, "workers"),
        ({"workers": 65}, "workers"),
        ({"durability": "maybe"}, "durability"),
        ({"prot": 1}, "prot"),
        ({"log_level": "loud"}, "log_level"),
    ],
)
def test_a_wrong_value_is_named(overrides: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        load(environ={}, overrides=overrides)


@pytest.mark.parametrize(
    ("text", "word"),
    [("port = ", "TOML"), ("[server]\nprot = 1", "prot"), ("server = 3", "table"), ("[server]\nport = 'x'", "port")],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        load(_file(tmp_path, text), {})


def test_a_file_that_is_absent_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        read_file(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not valid TOML"):
        read_file(tmp_path / "binary.toml")


def test_paths(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "d" / ".." / "e"))
    assert settings.data_path == tmp_path / "e"
    assert settings.database == f"sqlite:///{tmp_path / 'e' / 'entrepot.db'}"
    assert Settings(database_url="postgresql://x/y").database == "postgresql://x/y"


def test_a_child_receives_what_was_handed_to_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    handoff = Handoff(settings=Settings(port=7, secret_keys=("k",)), role="gateway", index=2, listen_fd=5)
    for name, text in handoff.environment().items():
        monkeypatch.setenv(name, text)
    assert received_handoff() == handoff
    assert "ENTREPOT_HANDOFF" not in os.environ
    with pytest.raises(SettingsError):
        received_handoff()

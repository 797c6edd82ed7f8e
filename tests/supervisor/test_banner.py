"""What is printed when the server is ready."""

import msgspec

from entrepot.settings import Prepared, Settings
from entrepot.supervisor.banner import banner


def shown(report: Prepared, host: str = "127.0.0.1") -> str:
    return banner(Settings(data_dir="d"), (host, 3000), msgspec.json.encode(report))


def test_a_first_start_shows_the_secrets_and_a_line_that_works() -> None:
    text = shown(Prepared(admin_token="adm-ent-x", key="sk-ent-y"))
    assert "adm-ent-x" in text
    assert text.count("sk-ent-y") == 2
    assert "curl -N http://127.0.0.1:3000/v1/chat/completions" in text


def test_a_later_start_shows_none() -> None:
    text = shown(Prepared(notes=["1 channel changed"]), host="0.0.0.0")
    assert "sk-ent" not in text
    assert "entrepot key create" in text
    assert "1 channel changed" in text
    assert "http://127.0.0.1:3000" in text

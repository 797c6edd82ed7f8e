"""Before the processes start: on an empty folder, again, and with a configuration file; on both databases."""

from pathlib import Path

import pytest

from entrepot.compose.prepare import prepare
from entrepot.control.errors import ControlError
from entrepot.settings import Handoff, Settings

CONFIG = """
[[group]]
name = "vip"
ratio = "0.5"
[[channel]]
name = "mine"
provider = "compatible"
base_url = "http://127.0.0.1:9/v1"
keys = ["sk-vendor"]
models = ["m-*"]
groups = ["vip"]
[[key]]
name = "app"
secret = "sk-given-by-the-operator"
group = "vip"
"""


def handoff(database_url: str, data: Path, config: str = "") -> Handoff:
    return Handoff(settings=Settings(data_dir=str(data), database_url=database_url), role="prepare", config=config)


async def test_first_and_later_starts(database_url: str, tmp_path: Path) -> None:
    first = await prepare(handoff(database_url, tmp_path))
    assert first.key is not None
    assert first.key.startswith("sk-ent-")
    assert first.admin_token is not None
    again = await prepare(handoff(database_url, tmp_path))
    assert (again.key, again.admin_token) == (None, None)


async def test_a_file_is_applied_and_twice_changes_nothing(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "entrepot.toml"
    file.write_text(CONFIG)
    first = await prepare(handoff(database_url, tmp_path, str(file)))
    assert "3 created" in first.notes[0]
    again = await prepare(handoff(database_url, tmp_path, str(file)))
    assert "0 created, 0 updated, 3 unchanged" in again.notes[0]


async def test_a_wrong_file_is_named(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "entrepot.toml"
    file.write_text('[[channel]]\nname="x"\nprovider="openai"\nwieght=3\n')
    with pytest.raises(ControlError, match="wieght"):
        await prepare(handoff(database_url, tmp_path, str(file)))

"""docs/configuration.md says what the code takes: every setting with its default, every field of every table."""

import re
from pathlib import Path
from typing import Any

import pytest

from entrepot.control.apply import ModelRow, UserRow
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.fields import Spec
from entrepot.control.groups.schemas import GroupCreate
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.prices.schemas import PriceTable
from entrepot.control.settings.schemas import MEANINGS
from entrepot.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
TABLES: dict[str, type[Spec]] = {
    "group": GroupCreate,
    "model": ModelRow,
    "channel": ChannelCreate,
    "user": UserRow,
    "key": KeyCreate,
}


def test_settings_with_variable_and_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (\S+) \|", TEXT, re.MULTILINE)
    defaults = Settings()
    assert rows == [(name, f"ENTREPOT_{name.upper()}", _shown(getattr(defaults, name))) for name in Settings.__struct_fields__]


@pytest.mark.parametrize("table", TABLES)
def test_tables(table: str) -> None:
    section = TEXT.partition(f"### `[[{table}]]`")[2].partition("\n## ")[0].partition("\n### ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    known = set(TABLES[table].model_fields)
    if table == "key":
        known = known - {"groups"} | {"group"}
    assert set(documented) == known
    assert len(documented) == len(set(documented))


def test_kinds_of_prices_and_settings_in_the_database() -> None:
    for kind in PriceTable.model_fields:
        assert f"`{kind}`" in TEXT
    for name, meaning in MEANINGS.items():
        assert f"| `{name}` | {meaning} |" in TEXT


def _shown(default: Any) -> str:
    if default in (None, ()):
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"

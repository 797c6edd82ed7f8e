"""Price rows out of the database."""

import logging

import pytest

from entrepot.snapshot.load import load
from entrepot.snapshot.prices import NO_PRICES, Conditions, PriceRow, price_table, read_prices
from entrepot.store.raw import Database
from entrepot.store.vault import Vault
from tests.snapshot.places import KEY, Vendors, put


async def price(db: Database, model: int, kind: str, nano: int, valid_from: int = 0, **when: int | str) -> None:
    await put(db, "prices", model_id=model, kind=kind, nano=nano, conditions=dict(when), valid_from=valid_from)


async def test_a_snapshot_carries_prices(db: Database) -> None:
    one = await put(db, "models", name="gpt-4o*", created_at=0)
    other = await put(db, "models", name="dall-e", created_at=0)
    await put(db, "models", name="unpriced", created_at=0)
    await price(db, one, "input", 7, 9)
    await price(db, one, "input", 5, 3, prompt_over=200_000)
    await price(db, one, "input", 6, 3)
    await price(db, other, "image", 2**62, size="1024X1024", quality="HD")
    table = (await load(db, Vault([KEY]), Vendors())).prices
    assert dict(table.rows) == {
        "gpt-4o*": (
            PriceRow("input", 5, Conditions(prompt_over=200_000), 3),
            PriceRow("input", 6, valid_from=3),
            PriceRow("input", 7, valid_from=9),
        ),
        "dall-e": (PriceRow("image", 2**62, Conditions(size="1024x1024", quality="hd")),),
    }


async def test_no_prices(db: Database) -> None:
    assert (await load(db, Vault([KEY]), Vendors())).prices == NO_PRICES


@pytest.mark.parametrize(
    ("kind", "nano", "conditions"),
    [
        ("inputs", 1, "{}"),
        ("searches", 1, "{}"),
        ("basis", 1, "{}"),
        ("input", -1, "{}"),
        ("input", 1, '{"size": "1x1"}'),
        ("input", 1, '{"prompt_over": -1}'),
        ("input", 1, '{"prompt_over": "many"}'),
        ("input", 1, '{"hour": 3}'),
        ("input", 1, "{"),
        ("input", 1, "[]"),
    ],
)
def test_a_row_without_sense_is_left_out_alone(kind: str, nano: int, conditions: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        table = read_prices([("m", kind, nano, conditions, 0), ("m", "output", 1, "{}", 0)])
    assert dict(table.rows) == {"m": (PriceRow("output", 1),)}
    [message] = caplog.messages
    assert message.startswith("price left out")


def test_the_version_names_the_set() -> None:
    row, other = PriceRow("input", 1), PriceRow("input", 2)
    version = price_table({"a": [row], "b": [other]}).version
    assert version == price_table({"b": [other], "a": [row]}).version
    assert len(version) == 12
    changed = (
        {"a": [row]},
        {"a": [other], "b": [row]},
        {"a": [row, row], "b": [other]},
        {"a": [PriceRow("input", 1, valid_from=1)], "b": [other]},
        {"a": [PriceRow("input", 1, Conditions(prompt_over=1))], "b": [other]},
    )
    assert len({version, *(price_table(table).version for table in changed)}) == 6

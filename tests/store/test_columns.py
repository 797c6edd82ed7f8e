"""Columns mean the same on both databases."""

from sqlalchemy import MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from entrepot.store.columns import call_id, integer, row_id, text, time


def test_ids_sort_byte_by_byte_on_both() -> None:
    table = Table("t", MetaData(), call_id())
    assert 'TEXT COLLATE "C"' in str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert "COLLATE" not in str(CreateTable(table).compile(dialect=sqlite.dialect()))  # BINARY is the default there


def test_numbers_have_64_bits_and_row_ids_are_given_by_the_database() -> None:
    table = Table("t", MetaData(), row_id(), integer("count", 3), time("at", nullable=True), text("name", "x"))
    made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
    assert "id BIGINT GENERATED" in made
    assert "count BIGINT DEFAULT '3' NOT NULL" in made
    assert "at BIGINT" in made
    assert "id INTEGER" in str(CreateTable(table).compile(dialect=sqlite.dialect()))

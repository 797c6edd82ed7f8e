"""Rules that every table keeps."""

from sqlalchemy import BigInteger, Float, Numeric

from entrepot.store.schema import metadata


def test_no_column_holds_a_fraction() -> None:
    """Money, ratios and times are integers."""
    for table in metadata.tables.values():
        for column in table.columns:
            assert not isinstance(column.type, Float | Numeric), column


def test_ids_and_times_do_not_overflow() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name == "id" and column.autoincrement is not False and column.identity is not None:
                assert isinstance(column.type, BigInteger), column
                assert table.kwargs["sqlite_autoincrement"], table.name
            if column.name.endswith(("_at", "_us", "_from", "_tokens")):
                assert isinstance(column.type, BigInteger), column


def test_secrets_are_bytes_and_keys_are_hashes() -> None:
    assert "secret" not in metadata.tables["keys"].columns
    assert str(metadata.tables["channel_keys"].c.secret.type) == "BLOB"

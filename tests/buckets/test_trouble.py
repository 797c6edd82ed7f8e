"""Trouble is told when it begins and when it is over."""

import logging

import pytest

from entrepot.buckets.trouble import Trouble


def test_told_once_each(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble("database away", "database back")
    with caplog.at_level(logging.WARNING, "entrepot.buckets"):
        for _ in range(2):
            trouble.over()
            for _ in range(3):
                trouble.met(OSError("no route"))
            trouble.over()
    assert [record.message for record in caplog.records] == ["database away", "database back"] * 2
    assert caplog.records[0].error == "no route"  # type: ignore[attr-defined]
    assert trouble.since is None

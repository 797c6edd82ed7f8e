"""Recordings that are not part of the project: the folder `shared` beside the checkout, if it is there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "shared"
CORPORA = SHARED / "corpora"

requires_shared = pytest.mark.skipif(not CORPORA.is_dir(), reason="needs the recordings in ../shared/corpora")


def corpus(name: str) -> Iterator[dict[str, Any]]:
    """The records of one file, read as they are asked for; none where the folder is absent."""
    path = CORPORA / f"{name}.jsonl"
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)

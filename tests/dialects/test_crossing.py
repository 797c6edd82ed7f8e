"""The score of conversion over the recordings does not fall."""

from collections import Counter

from tests.dialects.crossing import CHATS, cases, table
from tests.shared import requires_shared


@requires_shared
def test_the_score() -> None:
    found = list(cases())
    score = Counter((case.vendor, case.client, not case.problem) for case in found)
    for vendor in CHATS:
        for client in CHATS:
            good, bad = score[vendor.name, client.name, True], score[vendor.name, client.name, False]
            assert good > 100
            assert good / (good + bad) >= (0.99 if vendor is client else 0.97), table(found)

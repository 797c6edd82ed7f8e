"""Filters: names become ids, and times become moments."""

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.services import Services
from entrepot.control.usage.chosen import NOBODY, resolve
from entrepot.control.usage.schemas import UsageFilter
from entrepot.kit.clock import ManualClock


async def test_names_and_times(services: Services, clock: ManualClock) -> None:
    async with services.reading() as tx:
        chosen = await resolve(tx, UsageFilter(user="installation", channel="none", since="1h", until="2027-01-15"))
        assert (chosen.user_id, chosen.channel_id, chosen.model, chosen.singly) == (1, NOBODY, None, False)
        assert (chosen.since, chosen.until) == (int((clock.wall() - 3600) * 1_000_000), 1_799_971_200_000_000)
        assert (await resolve(tx, UsageFilter(status=200))).singly
        assert (await resolve(tx, UsageFilter(outcome="ok"))).singly
        with pytest.raises(InvalidError, match="never"):
            await resolve(tx, UsageFilter(since="never"))

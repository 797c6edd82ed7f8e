"""The seam: a hold ends exactly once, settled or given back."""

import pytest

from entrepot.billing.hold import Billing, Hold
from entrepot.core.call import Caller, Peek
from entrepot.core.usage import NOTHING, Usage


def make() -> Hold:
    return Billing().hold(Caller(1, "k", 1, ("default",)), Peek("m", stream=False, members={}))


async def test_leaving_unsettled_gives_it_back() -> None:
    hold = make()

    async def fail() -> None:
        async with hold:
            assert hold.grow(Usage(output=5))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert (hold.settled, hold.usage) == (True, NOTHING)


async def test_settled_once() -> None:
    async with make() as hold:
        hold.settle(Usage(input=1, output=2))
        with pytest.raises(RuntimeError):
            hold.settle(Usage(input=1))
    assert hold.usage == Usage(input=1, output=2)

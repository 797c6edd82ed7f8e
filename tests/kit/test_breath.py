"""The loop goes on while a thread works."""

import asyncio

from entrepot.kit.breath import EVERY, in_breaths


def test_the_same_items() -> None:
    assert list(in_breaths(range(EVERY * 3 + 1))) == list(range(EVERY * 3 + 1))
    assert list(in_breaths([])) == []


async def test_the_loop_has_many_turns_where_it_would_have_few() -> None:
    """Counted, not timed: a busy machine slows both alike."""

    def work(*, breathing: bool) -> None:
        items = range(300)
        for _ in in_breaths(items) if breathing else items:
            sum(range(5000))

    async def turns(*, breathing: bool) -> int:
        count, working = 0, asyncio.ensure_future(asyncio.to_thread(work, breathing=breathing))
        while not working.done():
            count += 1
            await asyncio.sleep(0.0002)
        return count

    few = min([await turns(breathing=False) for _ in range(3)])
    many = max([await turns(breathing=True) for _ in range(3)])
    assert many >= 2 * few, (many, few)

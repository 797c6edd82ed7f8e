"""Explanations on both databases, with what workers say."""

import pytest

from entrepot.control.channels import service as channels
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate
from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.groups import service as groups
from entrepot.control.groups.schemas import GroupCreate
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.routing.service import Asked, explain_call
from entrepot.control.services import Services
from entrepot.routing.published import publish
from tests.routing.boards import BoardUnderTest


@pytest.fixture
async def three(services: Services) -> list[int]:
    """Three channels for gpt-4o: two of one priority, one of another group; their ids."""
    async with services.transaction() as tx:
        await groups.create(tx, GroupCreate(name="vip"))
        made = [
            await channels.create(
                tx, ChannelCreate(name=name, provider="openai", keys=[name], models=["gpt-4o*"], groups=[group])
            )
            for name, group in (("east", "default"), ("west", "default"), ("north", "vip"))
        ]
        await keys.create(tx, KeyCreate(name="mine", secret="sk-mine-12345", groups=["default"], models=["gpt-4o"]))
    return [view.id for view in made]


async def test_without_a_server(services: Services, three: list[int]) -> None:
    async with services.reading() as tx:
        found = await explain_call(tx, Asked("gpt-4o", "mine"))
    assert (found.key, found.groups, found.workers, found.refusal) == ("mine", ["default"], 0, None)
    assert [(route.order, route.share, route.why) for route in found.routes] == [(1, 0.5, "Well."), (2, 0.5, "Well.")]
    assert {route.channel for route in found.routes} == {"east", "west"}
    assert [(other.channel, other.why) for other in found.passed_over] == [("north", "It serves none of these groups.")]


async def test_what_rests_and_why(services: Services, three: list[int]) -> None:
    made = BoardUnderTest()
    made.clock._wall = services.clock.wall()
    made.fails(channel=three[0], wait=60.0)
    publish(services.settings.data_path / "metrics", 0, made.board, made.clock)
    async with services.transaction() as tx:
        await channels.update(tx, "north", ChannelUpdate(status="disabled"))
        found = await explain_call(tx, Asked("gpt-4o", "sk-mine-12345"))
    assert found.workers == 1
    assert [route.channel for route in found.routes] == ["west", "east"]
    last = found.routes[1]
    assert last.why.startswith("Rests until ")
    assert "(vendor_error): tried only if" in last.why
    assert (last.share, last.workers[0].state, last.workers[0].reason) == (0.0, "open", "vendor_error")
    assert found.passed_over[0].why == "It is disabled."


async def test_refusals(services: Services, three: list[int]) -> None:
    async with services.reading() as tx:
        assert (await explain_call(tx, Asked("gpt-4o-mini", "mine"))).refusal == "This API key may not use that model."
        assert "does not exist here" in ((await explain_call(tx, Asked("no-such"))).refusal or "")
        assert (await explain_call(tx, Asked("gpt-4o", group="vip"))).routes[0].channel == "north"
        with pytest.raises(NotFoundError):
            await explain_call(tx, Asked("gpt-4o", "nobody"))
        with pytest.raises((InvalidError, NotFoundError)):
            await explain_call(tx, Asked("gpt-4o", group="nobody"))


async def test_where_a_session_sticks_to(services: Services, three: list[int]) -> None:
    async with services.reading() as tx:
        orders = [
            [route.channel for route in (await explain_call(tx, Asked("gpt-4o", "mine", session=f"s{number}"))).routes]
            for number in (*range(12), 0)
        ]
        assert (await explain_call(tx, Asked("gpt-4o", "mine"))).affinity == "session"
    assert {first for first, _ in orders} == {"east", "west"}
    assert orders[0] == orders[-1]

"""How channels fare: figures of all workers, per channel and key."""

from entrepot.control.channels import service as channels
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.routing.health import list_page
from entrepot.control.services import Services
from entrepot.core.faults import Kind
from entrepot.routing.published import publish
from tests.routing.boards import BoardUnderTest


async def test_figures_of_two_workers(services: Services) -> None:
    async with services.transaction() as tx:
        busy = await channels.create(tx, ChannelCreate(name="busy", provider="openai", keys=["a", "b"]))
        await channels.create(tx, ChannelCreate(name="idle", provider="openai", keys=["c"]))
    for number in range(2):
        made = BoardUnderTest()
        made.answers(busy.id, busy.keys[0].id, first=0.25)
        made.fails(busy.id, busy.keys[1].id, kind=Kind.VENDOR_OVERLOADED, wait=50.0 * number)
        made.clock._wall = services.clock.wall()
        publish(services.settings.data_path / "metrics", number, made.board, made.clock)
    async with services.reading() as tx:
        page = await list_page(tx, 50)
        assert len((await list_page(tx, 1)).data) == 1
    found, idle = page.data
    assert (found.channel, found.attempts, found.ok, found.failed, found.success_rate) == ("busy", 4, 2, 2, 0.5)
    assert (found.first_content_p50_ms, found.tokens_per_second) == (250.0, 50.0)
    assert (found.state, [worker.state for worker in found.workers]) == ("open", ["half_open", "open"])
    assert [(key.ok, key.failed) for key in found.keys] == [(2, 0), (0, 2)]
    assert (idle.attempts, idle.success_rate, idle.first_content_p50_ms, idle.state) == (0, None, None, "closed")

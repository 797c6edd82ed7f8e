"""Where this run has put the sandbox."""

from entrepot.compose.places import self_urls
from entrepot.settings import Handoff, Settings


def test_the_sandbox_is_where_this_run_put_it() -> None:
    handoff = Handoff(settings=Settings(), role="gateway", sandbox_port=4711, sandbox_secret="s")
    assert self_urls(handoff) == {"self:sandbox": ("http://127.0.0.1:4711/v1", "s")}
    assert self_urls(Handoff(settings=Settings(), role="gateway")) == {}

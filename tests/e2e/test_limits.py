"""Limits of keys, accounts, groups and models on a whole server with two workers: set, changed and lifted while it runs."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrepot.kit import json
from tests.installation import Installation, serve

CONFIG = """
[[model]]
name = "gpt-4o*"
price.call = "0.05"
price.input = "0"
price.output = "0"
[[channel]]
name = "only for vip"
provider = "sandbox"
base_url = "self:sandbox"
models = []
model_map = { "gpt-4o-mini" = "sandbox/echo!slow=0.3", "o3" = "sandbox/echo" }
groups = ["vip"]
"""
HOLDS = 3.0
"""Seconds in which a change holds: two are promised, one is for a busy machine."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("limits")
    config: Path = folder / "limits.toml"
    config.write_text('[[group]]\nname = "vip"\nratio = "0.5"\n' + CONFIG)
    with serve(folder / "data", "--workers", "2", "--config", str(config)) as made:
        yield made


class Holder:
    """Who has a key, and the administrator behind it."""

    def __init__(self, server: Installation, secret: str) -> None:
        self.server = server
        self.headers = {"authorization": f"Bearer {secret}"}

    def ask(self, model: str = "gpt-4o-mini") -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10}
        return httpx.post(f"{self.server.v1}/chat/completions", json=body, headers=self.headers, timeout=30)

    async def together(self, count: int) -> list[httpx.Response]:
        return await asyncio.gather(*(asyncio.to_thread(self.ask) for _ in range(count)))

    def set(self, path: str, **fields: Any) -> None:
        """As an administrator."""
        administer(self.server, "PATCH", path, fields)

    def becomes(self, status: int, words: str = "") -> httpx.Response:
        """Ask until the answer is like this: a change holds soon."""
        deadline = time.monotonic() + HOLDS
        while (answer := self.ask()).status_code != status or words not in answer.text:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.05)
        return answer

    def key(self) -> dict[str, Any]:
        return httpx.get(f"{self.server.v1}/key", headers=self.headers, timeout=30).json()


def administer(server: Installation, method: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {server.admin_token}"}
    answer = httpx.request(method, f"{server.base}/api/{path}", json=fields, headers=headers, timeout=30)
    assert answer.is_success, answer.text
    return answer.json()


def test_a_key_as_the_handbook_makes_it(server: Installation) -> None:
    options = ("--group", "vip", "--quota", "5", "--models", "gpt-4o*", "--rpm", "60")
    made = json.decode(server.run("key", "create", *options, "--json"))
    holder = Holder(server, made["secret"])
    view = holder.key()
    assert (view["groups"], view["quota"], view["models"], view["limits"]["rpm"]) == (["vip"], "5", ["gpt-4o*"], 60)
    refused = holder.ask("o3")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")
    answers = asyncio.run(holder.together(80))
    served = Counter(answer.status_code for answer in answers)
    # Never more than the limit; less by what the other worker's idle slices hold, a tenth at most (decision 0007).
    assert served[200] + served[429] == 80
    assert 54 <= served[200] <= 60, served
    full = next(answer for answer in answers if answer.status_code == 429)
    assert full.json()["error"]["code"] == "rate_limit_exceeded"
    assert "this API key on requests per minute (RPM): limit 60" in full.json()["error"]["message"]
    assert 0 < float(full.headers["retry-after"]) <= 61
    assert full.headers["x-ratelimit-limit-requests"] == "60"
    deadline = time.monotonic() + HOLDS
    paid = served[200] * Decimal("0.025")
    while Decimal((view := holder.key())["used"]) != paid and time.monotonic() < deadline:
        time.sleep(0.1)  # what the other worker was paid is in the database within two flushes
    assert (Decimal(view["used"]), Decimal(view["remaining"])) == (paid, 5 - paid), "calls at 0.05, half price"
    holder.set(f"keys/{made['id']}", rpm=None)
    holder.becomes(200)


@pytest.mark.parametrize(
    ("path", "named"),
    [("users/installation", "this account"), ("groups/vip", "the group 'vip'"), ("models/gpt-4o*", "the model 'gpt-4o*'")],
)
def test_limits_that_keys_share_hold_within_two_seconds(server: Installation, path: str, named: str) -> None:
    one, two = (Holder(server, administer(server, "POST", "keys", {"group": "vip"})["secret"]) for _ in range(2))
    assert one.ask().status_code == 200
    one.set(path, rpm=1)
    refused = two.becomes(429, named)
    assert "requests per minute (RPM): limit 1" in refused.json()["error"]["message"]
    shared = {limit["of"]: limit for limit in one.key()["limits"]["shared"]}
    assert [limit["rpm"] for limit in shared.values()] == [1]
    one.set(path, rpm=None, concurrency=1)
    one.becomes(200)
    deadline = time.monotonic() + HOLDS  # the one slot may be leased to the other worker until it gives it back
    answers = asyncio.run(one.together(6))
    while {answer.status_code for answer in answers} != {200, 429}:
        assert time.monotonic() < deadline, Counter(answer.status_code for answer in answers)
        answers = asyncio.run(one.together(6))
    assert any(f"{named} on concurrent requests: limit 1" in answer.text for answer in answers)
    one.set(path, concurrency=None)
    deadline = time.monotonic() + HOLDS
    while two.key()["limits"]["shared"] or {answer.status_code for answer in asyncio.run(one.together(6))} != {200}:
        assert time.monotonic() < deadline

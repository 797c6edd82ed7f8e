"""Two workers as processes, vendors that fail: what one worker finds out of a key the other knows, and operators see it all."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from entrepot.kit import json
from tests.installation import serve
from tests.vendors import running_sandbox

ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
CHANNELS = """
[[channel]]
name = "full"
provider = "compatible"
base_url = "{base}"
keys = ["sk-sandbox"]
priority = 9
models = []
model_map = {{ m = "sandbox/echo!503!retry-after=60" }}
[[channel]]
name = "mixed"
provider = "compatible"
base_url = "{base}"
keys = ["sk-wrong", "sk-sandbox"]
models = []
model_map = {{ m = "sandbox/echo" }}
[[model]]
name = "m"
price.call = "0"
"""


async def test_operators_see_what_workers_found_out(tmp_path: Path) -> None:
    config = tmp_path / "entrepot.toml"
    async with running_sandbox() as vendor:
        config.write_text(CHANNELS.format(base=vendor.base_url))
        with serve(tmp_path / "data", "--workers", "2", "--config", str(config)) as made:
            headers = {"authorization": f"Bearer {made.key}", "connection": "close"}
            admin = {"authorization": f"Bearer {made.admin_token}"}

            async def run(*arguments: str) -> Any:
                return json.decode((await asyncio.to_thread(made.run, *arguments, "--json")).encode())

            async with httpx.AsyncClient(base_url=made.base, timeout=30) as client:
                for _ in range(24):  # a connection each, so that both workers have some
                    assert (await client.post("/v1/chat/completions", json=ASK, headers=headers)).status_code == 200
                await asyncio.sleep(1.5)
                found = (await client.get("/api/channels/mixed", headers=admin)).json()["keys"]
                assert [key["status"] for key in found] == ["broken", "enabled"]
                assert found[0]["reason"].startswith("vendor_auth (401)")
                refused = sum(seen.header("authorization") == "Bearer sk-wrong" for seen in vendor.app.seen)
                assert refused == 0, "the vendor notes admitted requests only"
                assert vendor.app.requests - len(vendor.app.seen) <= 2, "one worker at a time found out"

                explained = await run("route", "explain", "--model", "m")
                first, second = explained["routes"]
                assert (explained["workers"], {first["channel"], second["channel"]}) == (2, {"mixed", "full"})
                if first["channel"] == "mixed":  # else the other one's rest has ended meanwhile
                    assert "vendor_overloaded" in second["why"]
                same = await client.get("/api/routing/explain", params={"model": "m"}, headers=admin)
                assert {route["channel"] for route in same.json()["routes"]} == {"mixed", "full"}

                rows = (await client.get("/api/health/channels", headers=admin)).json()["data"]
                health = {row["channel"]: row for row in rows}
                assert (health["mixed"]["ok"], health["full"]["ok"]) == (24, 0)
                assert 1 <= health["full"]["failed"] <= 2
                assert health["mixed"]["first_content_p50_ms"] > 0
                metrics = (await client.get("/metrics")).text
                assert 'entrepot_vendor_keys_resting{channel="mixed"} 1.0' in metrics
                assert 'entrepot_channel_rests{channel="full"}' in metrics

                reset = (await client.post("/api/channels/mixed/reset", headers=admin)).json()
                assert [key["status"] for key in reset["keys"]] == ["enabled", "enabled"]
                async with asyncio.timeout(5):
                    while 'entrepot_vendor_keys_resting{channel="mixed"} 1.0' in (await client.get("/metrics")).text:
                        await asyncio.sleep(0.2)

"""What a key may use, as a list and one by one."""

from pathlib import Path

from tests.gateways import running_gateway


async def test_list_and_one(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        for path in ("/v1/models", "/models"):
            listed = (await client.get(path)).json()
            assert listed["object"] == "list"
            names = [model["id"] for model in listed["data"]]
            assert "sandbox/echo" in names
            assert names == sorted(names)
        one = (await client.get("/v1/models/sandbox/echo")).json()
        assert (one["id"], one["object"]) == ("sandbox/echo", "model")
        assert isinstance(one["created"], int)
        missing = await client.get("/v1/models/gpt-77")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")
        client.headers.pop("authorization")
        assert (await client.get("/v1/models")).status_code == 401

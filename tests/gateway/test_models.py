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


async def test_in_anthropics_shape_for_its_clients(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        everything = [model["id"] for model in (await client.get("/v1/models")).json()["data"]]
        client.headers["anthropic-version"] = "2023-06-01"
        answer = await client.get("/v1/models?limit=2")
        assert answer.headers["request-id"] == answer.headers["x-request-id"]
        page = answer.json()
        assert [model["id"] for model in page["data"]] == everything[:2]
        assert (page["has_more"], page["first_id"], page["last_id"]) == (True, *everything[:2])
        one = (await client.get("/v1/models/sandbox/echo")).json()
        assert (one["type"], one["id"], one["display_name"]) == ("model", "sandbox/echo", "sandbox/echo")
        missing = await client.get("/v1/models/claude-77")
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
        wrong = await client.get("/v1/models?limit=many")
        assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_the_place_of_the_key_tells_the_client_too(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        client.headers.pop("authorization")
        client.headers["x-api-key"] = gateway.key
        assert "has_more" in (await client.get("/v1/models")).json()
        client.headers["authorization"] = f"Bearer {gateway.key}"
        assert "has_more" not in (await client.get("/v1/models")).json()

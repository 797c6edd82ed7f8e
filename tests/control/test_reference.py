"""The API's documentation page."""

import httpx

from tests.control.conftest import ON_SQLITE


@ON_SQLITE
async def test_every_endpoint_is_on_the_page(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/api/openapi.json")).json()["paths"]
    page = (await api.get("/api/docs")).text
    for path, operations in paths.items():
        for method in operations:
            assert f"<td>{method.upper()} {path}</td>" in page
    assert "concurrency" in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")

"""The status page."""

import re

import httpx
import pytest

from entrepot.control.status import Front, language, status_page
from tests.control.conftest import ON_SQLITE


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "zh-CN,zh;q=0.9", "zh"),
        (None, "en-US,zh", "en"),
        (None, "", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
    ],
)
def test_language(asked: str | None, accepted: str, chosen: str) -> None:
    assert language(asked, accepted) == chosen


@pytest.mark.parametrize(("chosen", "heading"), [("zh", "对话（流式）"), ("en", "Chat, streamed")])
def test_the_page_shows_lines_to_try_and_loads_nothing(chosen: str, heading: str) -> None:
    page = status_page(Front("Entrepot", "", "https://relay.example"), chosen)
    assert heading in page
    assert page.count("curl ") == 3
    assert "https://relay.example/v1/chat/completions" in page
    assert "stream&quot;:true" in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//|<script|@import|url\(", page)


@ON_SQLITE
async def test_a_host_that_is_none_is_not_repeated(api: httpx.AsyncClient) -> None:
    assert "http://relay.example:3000/v1/" in (await api.get("/", headers={"host": "relay.example:3000"})).text
    page = (await api.get("/", headers={"host": "x'; rm -rf /; echo <script>"})).text
    assert "rm -rf" not in page
    assert "http://127.0.0.1:3000/v1/" in page
    assert "https://a.example/v1/" in (await api.get("/", headers={"host": "a.example", "x-forwarded-proto": "https"})).text


@ON_SQLITE
async def test_settings_change_the_page(api: httpx.AsyncClient) -> None:
    await api.put("/api/settings/public_url", json={"value": "https://relay.example/"})
    await api.put("/api/settings/announcement", json={"value": "维护 <soon>"})
    answer = await api.get("/?lang=zh")
    assert "https://relay.example/v1/models" in answer.text
    assert "维护 &lt;soon&gt;" in answer.text
    assert answer.headers["content-language"] == "zh"

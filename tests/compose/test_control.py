"""The control process as the supervisor starts it: API, status page and sandbox behind one installation."""

import time
from pathlib import Path

import httpx

from tests.installation import serve


def test_api_and_pages_on_the_public_port(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as made:
        admin = {"authorization": f"Bearer {made.admin_token}"}
        assert httpx.get(made.base + "/api/keys").status_code == 401
        assert httpx.get(made.base + "/api/keys", headers={"authorization": f"Bearer {made.key}"}).status_code == 401
        listed = httpx.get(made.base + "/api/keys", headers=admin)
        assert listed.status_code == 200
        assert "first" in listed.text
        assert made.key not in listed.text
        assert "Entrepot" in httpx.get(made.base + "/").text
        assert "中文" in httpx.get(made.base + "/").text


def test_what_the_api_and_the_command_change_holds_within_two_seconds(tmp_path: Path) -> None:
    with serve(tmp_path / "data") as made:
        ask = {"model": "mine", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": f"Bearer {made.key}"}
        assert httpx.post(made.v1 + "/chat/completions", json=ask, headers=headers).status_code == 404
        made.run("channel", "update", "sandbox", "--map", "mine=sandbox/echo")
        with httpx.Client(timeout=10) as client:
            for _ in range(40):
                answer = client.post(made.v1 + "/chat/completions", json=ask, headers=headers)
                if answer.status_code == 200:
                    break
                time.sleep(0.1)
            else:
                raise AssertionError("the new model did not appear in time")

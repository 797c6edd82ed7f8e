"""Bad days of a whole installation: processes killed, stopped in mid-stream, clients that go or stall by the thousand."""

import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.installation import Installation, serve

ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    with serve(tmp_path / "data") as made:
        yield made


def client(made: Installation) -> httpx.Client:
    return httpx.Client(base_url=made.base, headers={"authorization": f"Bearer {made.key}"}, timeout=20)


def processes(made: Installation, module: str) -> list[psutil.Process]:
    """The installation's children that run a module."""
    return [child for child in psutil.Process(made.process.pid).children() if module in " ".join(child.cmdline())]


def gauge(made: Installation, name: str) -> float:
    text = httpx.get(made.base + "/metrics", timeout=30).text
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE))


def until(condition, seconds: float = 20.0, pause: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)


def raw(made: Installation, model: str, *, window: int = 0) -> socket.socket:
    """A client that has sent its request and read nothing; `window` bounds what the kernel reads for it."""
    body = json.dumps(ASK | {"model": model, "stream": True}).encode()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if window:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    sock.connect(("127.0.0.1", made.port))
    head = f"host: x\r\nauthorization: Bearer {made.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\n" + head.encode() + body)
    return sock


def test_sigterm_in_mid_stream_lets_the_stream_end(fresh: Installation) -> None:
    ask = ASK | {"model": "sandbox/story:60@40", "stream": True}
    with client(fresh) as http, http.stream("POST", "/v1/chat/completions", json=ask) as stream:
        lines = stream.iter_lines()
        next(lines)
        fresh.process.send_signal(signal.SIGTERM)
        rest = list(lines)
    assert rest[-2:] == ["data: [DONE]", ""]
    assert fresh.stop() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(fresh.base + "/healthz")


def test_sigterm_past_the_grace_ends_streams_well_formed(tmp_path: Path) -> None:
    with serve(tmp_path / "data", environment={"ENTREPOT_DRAIN_TIMEOUT": "0.5"}) as made:
        ask = ASK | {"model": "sandbox/story:5000@20", "stream": True}
        with client(made) as http, http.stream("POST", "/v1/chat/completions", json=ask) as stream:
            lines = stream.iter_lines()
            next(lines)
            made.process.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        error = json.loads(rest[-1].removeprefix("data: "))["error"]
        assert error["code"] == "draining"
        assert made.stop() == 0
        shown = made.run("usage", "list", "--json")
        assert '"interrupted"' in shown, shown


def test_a_killed_worker_comes_back(fresh: Installation) -> None:
    (worker,) = processes(fresh, "compose.gateway")
    with client(fresh) as http:
        assert http.post("/v1/chat/completions", json=ASK).status_code == 200
    worker.kill()

    def answers() -> bool:
        try:
            with client(fresh) as http:
                return http.post("/v1/chat/completions", json=ASK).status_code == 200
        except httpx.HTTPError:
            return False

    until(answers)
    (again,) = processes(fresh, "compose.gateway")
    assert again.pid != worker.pid


def test_a_killed_control_process_comes_back_and_calls_go_on(fresh: Installation) -> None:
    (control,) = processes(fresh, "compose.control")
    control.kill()
    with client(fresh) as http:
        assert http.get("/v1/models").status_code == 200, "the data plane does not need it"
        until(lambda: http.get("/").status_code == 200)
        assert http.post("/v1/chat/completions", json=ASK).status_code == 200


def test_nobody_outlives_the_supervisor(fresh: Installation) -> None:
    children = psutil.Process(fresh.process.pid).children(recursive=True)
    fresh.process.kill()
    fresh.process.wait()
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []
    assert len(gone) >= 2


def test_two_servers_on_one_data_folder(fresh: Installation) -> None:
    with pytest.raises(AssertionError, match="another"), serve(fresh.data):
        pass


def test_two_workers_share_calls_and_metrics(tmp_path: Path) -> None:
    with serve(tmp_path / "data", "--workers", "2") as made:
        with httpx.Client(base_url=made.base, headers={"authorization": f"Bearer {made.key}"}) as http:
            for _ in range(5):
                assert http.get("/readyz").json()["ready"]
        assert len(processes(made, "compose.gateway")) == 2

        async def many() -> None:
            async with httpx.AsyncClient(base_url=made.base, headers={"authorization": f"Bearer {made.key}"}) as http:
                for _ in range(5):
                    answers = await asyncio.gather(*(http.post("/v1/chat/completions", json=ASK) for _ in range(40)))
                    assert {answer.status_code for answer in answers} == {200}

        asyncio.run(many())
        until(lambda: gauge(made, "entrepot_calls_total") == 200)
        used = [process.cpu_times().user for process in processes(made, "compose.gateway")]
        assert min(used) > 0


@pytest.mark.slow
def test_ten_thousand_aborted_streams_leave_nothing(fresh: Installation) -> None:
    (worker,) = processes(fresh, "compose.gateway")

    async def abort(count: int) -> None:
        async def one() -> None:
            sock = await asyncio.get_running_loop().run_in_executor(None, raw, fresh, "sandbox/story:1000@50")
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_recv(sock, 100)
            sock.close()

        for _ in range(count // 100):
            await asyncio.gather(*(one() for _ in range(100)))

    asyncio.run(abort(1000))  # what a worker grows to once: caches, pools, arenas
    until(lambda: gauge(fresh, "entrepot_open_calls") == 0)
    time.sleep(1)
    before, tasks, files = worker.memory_info().rss, gauge(fresh, "entrepot_tasks"), worker.num_fds()
    asyncio.run(abort(10_000))
    until(lambda: gauge(fresh, "entrepot_open_calls") == 0)
    until(lambda: gauge(fresh, "entrepot_client_connections") <= 1)
    until(lambda: worker.num_fds() <= files + 5)
    assert gauge(fresh, "entrepot_tasks") <= tasks + 2
    grown = worker.memory_info().rss - before
    assert grown < 8 * 1024 * 1024, f"grew by {grown / 1024:.0f} KiB over 10,000 streams"


@pytest.mark.slow
def test_a_thousand_stalled_clients_are_cut_off(tmp_path: Path) -> None:
    with serve(tmp_path / "data", environment={"ENTREPOT_WRITE_TIMEOUT": "15"}) as made:
        (worker,) = processes(made, "compose.gateway")
        with client(made) as http:
            http.post("/v1/chat/completions", json=ASK)
        files, before = worker.num_fds(), worker.memory_info().rss
        # Each would get 1 MB, more than all socket buffers between here and the sandbox hold.
        stalled = [raw(made, "sandbox/story:60@100000!big=1000000", window=4096) for _ in range(1000)]
        until(lambda: gauge(made, "entrepot_open_calls") >= 900, 30)
        peak = worker.memory_info().rss
        until(lambda: gauge(made, "entrepot_open_calls") == 0, 60, 0.25)
        until(lambda: worker.num_fds() <= files + 5, 20)
        for sock in stalled:
            sock.close()
        with client(made) as http:
            assert http.post("/v1/chat/completions", json=ASK).status_code == 200
        assert (peak - before) / 1000 < 1.5 * 1024 * 1024, "bounded memory a stalled client, even where the vendor is quick"
        until(lambda: worker.memory_info().rss < before + 48 * 1024 * 1024)
        assert "client_stalled" in httpx.get(made.base + "/metrics").text

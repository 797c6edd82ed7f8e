"""The client's tests run on uvloop and on asyncio's own loop, where a file does not say otherwise, and leave nothing behind."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme
import uvloop

from entrepot.upstream.client import Upstream
from tests.upstream.vendor import Authority


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.SelectorEventLoop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A private certificate authority that the `upstream` fixture trusts."""
    ca = trustme.CA()
    file: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(file)
    return Authority(ca, file)


@pytest.fixture(scope="session", autouse=True)
def small_system_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Reading the machine's 150 authorities would cost each test 20 ms; one that signs nothing stands for them."""
    file: Path = tmp_path_factory.mktemp("system") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(file))
        patch.setenv("SSL_CERT_DIR", str(file.parent / "none"))
        yield


@pytest.fixture
async def upstream(authority: Authority) -> AsyncIterator[Upstream]:
    """A client; after the test it must hold no connection, and no task or timer may be left."""
    client = Upstream(extra_ca=str(authority.file))
    yield client
    await client.close()
    await asyncio.sleep(0.001)
    assert client.stats() == {}
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
    loop = asyncio.get_running_loop()
    if isinstance(loop, asyncio.SelectorEventLoop):
        timers = [timer for timer in loop._scheduled if not timer.cancelled()]
        assert not timers

"""One installation for all tests of this folder."""

from collections.abc import Iterator

import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from tests.installation import Installation, serve


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with serve(tmp_path_factory.mktemp("installation")) as made:
        yield made


@pytest.fixture
def openai(installation: Installation) -> Iterator[OpenAI]:
    with OpenAI(base_url=installation.v1, api_key=installation.key, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_openai(installation: Installation) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=installation.v1, api_key=installation.key, max_retries=0, timeout=30)


@pytest.fixture
def claude(installation: Installation) -> Iterator[Anthropic]:
    with Anthropic(base_url=installation.base, api_key=installation.key, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
async def async_claude(installation: Installation) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=installation.base, api_key=installation.key, max_retries=0, timeout=30)

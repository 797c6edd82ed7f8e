"""A running sandbox, the official SDK pointed at it, and a bare HTTP client."""

from collections.abc import AsyncIterator

import httpx
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from tests.vendors import Vendor
from tests.vendors import sandbox_vendor as sandbox_vendor


@pytest.fixture
async def sdk(sandbox_vendor: Vendor) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=sandbox_vendor.base_url, api_key=sandbox_vendor.secret, max_retries=0) as client:
        yield client


@pytest.fixture
async def http(sandbox_vendor: Vendor) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {sandbox_vendor.secret}"}
    async with httpx.AsyncClient(base_url=sandbox_vendor.base_url, headers=headers, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
async def claude(sandbox_vendor: Vendor) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=sandbox_vendor.origin, api_key=sandbox_vendor.secret, max_retries=0) as client:
        yield client

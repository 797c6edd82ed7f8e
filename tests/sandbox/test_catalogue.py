"""The list of models, by the SDK."""

import pytest
from openai import AsyncOpenAI, NotFoundError

from entrepot.sandbox import names


async def test_all_models_are_listed(sdk: AsyncOpenAI) -> None:
    listed = [model async for model in await sdk.models.list()]
    assert [model.id for model in listed] == [names.PREFIX + name for name in names.CHARACTERS]
    assert {model.object for model in listed} == {"model"}


async def test_one_model(sdk: AsyncOpenAI) -> None:
    assert (await sdk.models.retrieve("sandbox/echo")).id == "sandbox/echo"
    assert (await sdk.models.retrieve("story:5@2")).owned_by == "sandbox"
    with pytest.raises(NotFoundError):
        await sdk.models.retrieve("gpt-4o")

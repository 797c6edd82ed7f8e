"""GET /v1/models and /v1/models/{id}: what this key may use, in the shape of the dialect that the client speaks."""

from collections.abc import Callable

from entrepot.access.admission import Admission
from entrepot.core.call import Caller
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.model_shapes import anthropic_list, anthropic_model, openai_list, openai_model
from entrepot.gateway.request import Head, WrongMethod
from entrepot.kit import json
from entrepot.relay.exchange import Exchange
from entrepot.snapshot.model import Model, Snapshot


class Models:
    """Lists models."""

    __slots__ = ("_admission", "_snapshot")

    def __init__(self, admission: Admission, snapshot: Callable[[], Snapshot]) -> None:
        self._admission = admission
        self._snapshot = snapshot

    async def answer(self, name: str, head: Head, cycle: Cycle, exchange: Exchange, *, anthropic: bool) -> None:
        """Send the list (empty `name`), or one model. Raises Fault."""
        if cycle.method not in ("GET", "HEAD"):
            raise WrongMethod("/v1/models", "GET, HEAD")
        models = self._listed(await self._admission.admit(head.secret, head.address))
        if name:
            shape = anthropic_model if anthropic else openai_model
            found = shape(_named(models, name))
        else:
            found = (anthropic_list if anthropic else openai_list)(models, cycle.query)
        await exchange.answer(200, ((b"content-type", b"application/json"),), json.encode(found))

    def _listed(self, caller: Caller) -> list[Model]:
        return list(self._snapshot().listed(caller.groups, caller.models))


def _named(models: list[Model], name: str) -> Model:
    for model in models:
        if model.name == name:
            return model
    raise Fault(Kind.UNKNOWN_MODEL, f"The model '{name}' does not exist or this key may not use it.", param="model")

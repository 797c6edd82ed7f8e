"""GET /v1/models and /v1/models/{id}: what this key may use, in OpenAI's list shape."""

from collections.abc import Callable

import msgspec

from entrepot.access.admission import Admission
from entrepot.core.call import Caller
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.request import Head, WrongMethod
from entrepot.kit import json
from entrepot.relay.exchange import Exchange
from entrepot.snapshot.model import Model, Snapshot


class Entry(msgspec.Struct):
    """One model as OpenAI lists it."""

    id: str
    created: int
    owned_by: str
    object: str = "model"


class Models:
    """Lists models."""

    __slots__ = ("_admission", "_snapshot")

    def __init__(self, admission: Admission, snapshot: Callable[[], Snapshot]) -> None:
        self._admission = admission
        self._snapshot = snapshot

    async def answer(self, name: str, head: Head, method: str, exchange: Exchange) -> None:
        """Send the list, or one model. Raises Fault."""
        if method not in ("GET", "HEAD"):
            raise WrongMethod("/v1/models", "GET, HEAD")
        caller = await self._admission.admit(head.secret, head.address)
        body = json.encode(self._one(caller, name) if name else self._all(caller))
        await exchange.answer(200, ((b"content-type", b"application/json"),), body)

    def _all(self, caller: Caller) -> dict[str, object]:
        return {"object": "list", "data": [_entry(model) for model in self._listed(caller)]}

    def _one(self, caller: Caller, name: str) -> Entry:
        for model in self._listed(caller):
            if model.name == name:
                return _entry(model)
        raise Fault(Kind.UNKNOWN_MODEL, f"The model '{name}' does not exist or this key may not use it.", param="model")

    def _listed(self, caller: Caller) -> list[Model]:
        return list(self._snapshot().listed(caller.groups, caller.models))


def _entry(model: Model) -> Entry:
    return Entry(model.name, int(model.created), model.owner or "entrepot")

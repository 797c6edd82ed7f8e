"""Asking a vendor: which models does it list, and does this channel work?

No transaction is open while a vendor is asked: it may take its time.
"""

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control.channels import secrets, service
from entrepot.control.channels.schemas import ChannelCreate, ChannelView, Verdict
from entrepot.control.channels.vendors import check_complete, find_vendor
from entrepot.control.errors import InvalidError
from entrepot.control.services import Services, Transaction
from entrepot.core.faults import Fault
from entrepot.core.http import Request, Timeouts, parse_origin
from entrepot.core.route import Route
from entrepot.kit import json
from entrepot.providers.addresses import SANDBOX
from entrepot.providers.catalogue import Listed
from entrepot.store.schema import models, prices

_TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, idle=10.0, total=20.0)
_LARGEST = 4 * 1024 * 1024
_MOST_MODELS = 1000
_EXCERPT = 200


class Target(msgspec.Struct, frozen=True):
    """What must be known to ask a vendor."""

    vendor: Listed
    channel: str
    base_url: str
    headers: dict[str, str]
    proxy: str
    secret: str
    models: tuple[str, ...]
    call: str = ""
    """The vendor's name of a model to call for one token, instead of asking for the list."""


async def create_asking(services: Services, spec: ChannelCreate) -> ChannelView:
    """Create a channel; without `models` it gets what the vendor lists, else the catalogue's patterns."""
    if spec.models is None:
        vendor = find_vendor(services.catalogue, spec.provider)
        check_complete(vendor, spec.base_url, has_keys=bool(spec.keys))
        keys = secrets.resolve(spec.keys) or [""]
        target = Target(vendor, spec.name or vendor.name, spec.base_url, spec.headers, spec.proxy, keys[0], ())
        spec = spec.model_copy(update={"models": (await ask(services, target)).models or None})
    async with services.transaction() as tx:
        return await service.create(tx, spec)


async def test_channel(services: Services, name: str, *, call: bool) -> Verdict:
    """Ask the vendor with each of the channel's keys; stops at the first that fails. Raises NotFoundError.

    `call`: for one token of the cheapest model, as a client would; where each key works, the channel's state is reset.
    """
    async with services.reading() as tx:
        row = await service.find(tx, name)
        rows = (await secrets.of_channels(tx, [row["id"]]))[row["id"]]
        cheapest = await _cheapest(tx, row) if call else ""
    keys = [(key["hint"], secrets.unsealed(services.vault, key)) for key in rows if key["status"] != "disabled"]
    if rows and not keys:
        return Verdict(channel=name, ok=False, verdict="All of its keys are disabled.")
    if call and not cheapest:
        return Verdict(channel=name, ok=False, verdict="The channel names no model exactly that could be called.")
    vendor = find_vendor(services.catalogue, row["provider"])
    headers: dict[str, str] = json.decode(row["headers"])
    named = tuple(json.decode(row["models"]))
    verdict = Verdict(channel=name, ok=False, verdict="")
    for hint, secret in keys or [("", "")]:
        verdict = await ask(services, Target(vendor, name, row["base_url"], headers, row["proxy"], secret, named, cheapest))
        if not verdict.ok:
            return verdict.model_copy(update={"verdict": f"Key {hint}: {verdict.verdict}"}) if len(keys) > 1 else verdict
    if call:
        async with services.transaction() as tx:
            await secrets.reset(tx, row["id"])
    return verdict


async def _cheapest(tx: Transaction, row: RowMapping) -> str:
    """The vendor's name of its model with the cheapest output, those without a price last; empty where it names none."""
    mapped: dict[str, str] = json.decode(row["model_map"])
    names = [*mapped, *(name for name in json.decode(row["models"]) if "*" not in name)]
    found: dict[str, int] = {}
    query = select(models.c.name, prices.c.nano).join(prices, prices.c.model_id == models.c.id)
    query = query.where(models.c.name.in_(names), prices.c.kind == "output", prices.c.valid_from <= tx.now)
    for price in await tx.rows(query.order_by(prices.c.valid_from, prices.c.id)):
        found[price["name"]] = price["nano"]
    public = min(names, key=lambda name: (name not in found, found.get(name, 0)), default="")
    return mapped.get(public, public)


async def ask(services: Services, target: Target) -> Verdict:
    """List the vendor's models, or have it say one token where it has no list."""
    try:
        request = _request(services, target)
    except InvalidError as error:
        return Verdict(channel=target.channel, ok=False, verdict=error.message)
    start = services.clock.monotonic()
    try:
        response = await services.upstream.send(request, _TIMEOUTS, 4)
        try:
            body = await response.read(_LARGEST)
        finally:
            response.close()
    except Fault as fault:
        return Verdict(channel=target.channel, ok=False, verdict=fault.message, fault=fault.kind.value)
    ms = round((services.clock.monotonic() - start) * 1000, 1)
    return _verdict(target, request, (response.status, body)).model_copy(update={"ms": ms})


def _verdict(target: Target, request: Request, answer: tuple[int, bytes]) -> Verdict:
    status, body = answer

    def found(text: str, *, ok: bool, models: list[str] | None = None) -> Verdict:
        return Verdict(channel=target.channel, status=status, ok=ok, verdict=text, models=models or [])

    if status >= 400:
        return found(f"The vendor answers {status}: {_excerpt(body, target.secret)}", ok=False)
    if request.method == b"POST":
        text = (
            f"The vendor answers a call of {target.call}." if target.call else "The vendor answers; it has no list of models."
        )
        return found(text, ok=True)
    models = listed_models(body)
    if models is None:
        return found("The vendor's answer is no list of models. Is base_url right?", ok=False)
    return found(f"The vendor answers and lists {len(models)} models.", ok=True, models=models[:_MOST_MODELS])


def listed_models(body: bytes) -> list[str] | None:
    """The names in a list of models: OpenAI's `data[].id`, a bare array, or `models[].name`; None where it is no list."""
    try:
        found = msgspec.json.decode(body, type=_Listing | list[Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    items = (found.data if found.data is not None else found.models) if isinstance(found, _Listing) else found
    if items is None:
        return None
    names = (_name(item) for item in items)
    return list(dict.fromkeys(name for name in names if 0 < len(name) <= 128 and name.isprintable()))


class _Listing(msgspec.Struct):
    data: list[Any] | None = None
    models: list[Any] | None = None


def _name(item: Any) -> str:
    named = cast("dict[str, Any]", item) if isinstance(item, dict) else {"id": item}
    name = named.get("id", named.get("name"))
    return name.removeprefix("models/") if isinstance(name, str) else ""


def _request(services: Services, target: Target) -> Request:
    route = _route(services, target)
    request = None if target.call else target.vendor.models_request(route)
    if request is not None:
        return request
    model = target.call or _exact(target.models)
    if model is None:
        raise InvalidError("The vendor has no list of models, and the channel names none exactly that could be called.")
    said = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    route = msgspec.structs.replace(route, model=model)
    operation = "chat" if "chat" in target.vendor.operations else "messages"  # the body is right for both
    return target.vendor.request(route, operation, json.encode(said), ())


def _exact(models: Iterable[str]) -> str | None:
    return next((name for name in models if "*" not in name), None)


def _route(services: Services, target: Target) -> Route:
    url, secret = target.vendor.base_url(target.base_url), target.secret
    if url == SANDBOX:
        if services.sandbox is None:
            raise InvalidError("The sandbox is part of the server: test it through the API of one that runs.")
        url, secret = f"http://127.0.0.1:{services.sandbox.port}/v1", services.sandbox.secret
    origin, prefix, query = parse_origin(url, target.proxy or None)
    headers = tuple((name.lower().encode(), value.encode()) for name, value in target.headers.items())
    return Route(
        channel_id=0,
        channel=target.channel,
        provider=target.vendor.name,
        group="",
        ratio_ppm=0,
        model="",
        origin=origin,
        prefix=prefix,
        query=query,
        key_id=0,
        secret=secret,
        headers=headers,
    )


def _excerpt(body: bytes, secret: str) -> str:
    """The beginning of what the vendor said, on one line; vendors like to repeat the key in it."""
    text = " ".join(body[: 8 * _EXCERPT].decode("utf-8", "replace").split())
    if len(secret) >= 8:
        text = text.replace(secret, "…")
    return text[:_EXCERPT] or "(no body)"

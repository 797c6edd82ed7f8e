"""Which path is answered by what."""

from collections.abc import Callable
from typing import Any

import msgspec

from entrepot.sandbox import catalogue, chat, completions, embeddings, messages, moderations, names
from entrepot.sandbox.answers import Answer, Stamp, refusal, unknown_model
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.messages_requests import CountRequest, MessagesRequest
from entrepot.sandbox.names import Name
from entrepot.sandbox.requests import ChatRequest, CompletionRequest, EmbeddingRequest, ModerationRequest, decode
from entrepot.sandbox.tongues import ANTHROPIC, OPENAI, Tongue

MODELS = "/models"


class Visit(msgspec.Struct, frozen=True):
    """A request that found its endpoint; `answer` may be asked once."""

    name: Name | None
    prefix: str
    """Of the answer's id."""
    answer: Callable[[Stamp, Faults], Answer]
    tongue: Tongue = OPENAI


class Endpoint(msgspec.Struct, frozen=True):
    """One POST path."""

    decoder: "msgspec.json.Decoder[Any]"
    characters: tuple[str, ...]
    prefix: str
    answer: Callable[[Any, Name, Stamp, Faults], Answer]
    tongue: Tongue = OPENAI


POSTS = {
    "/chat/completions": Endpoint(msgspec.json.Decoder(ChatRequest), names.CHAT, "chatcmpl-", chat.answer),
    "/completions": Endpoint(msgspec.json.Decoder(CompletionRequest), ("echo", "story"), "cmpl-", completions.answer),
    "/embeddings": Endpoint(msgspec.json.Decoder(EmbeddingRequest), ("embed",), "embd-", embeddings.answer),
    "/moderations": Endpoint(msgspec.json.Decoder(ModerationRequest), ("moderate",), "modr-", moderations.answer),
    "/messages": Endpoint(msgspec.json.Decoder(MessagesRequest), names.WRITERS, "msg_", messages.answer, ANTHROPIC),
    "/messages/count_tokens": Endpoint(msgspec.json.Decoder(CountRequest), names.WRITERS, "", messages.count, ANTHROPIC),
}


def tongue(path: str) -> Tongue:
    """The dialect that is spoken at a path."""
    endpoint = POSTS.get(path.removeprefix("/v1"))
    return endpoint.tongue if endpoint is not None else OPENAI


def find(method: str, path: str, body: bytes) -> Visit:
    """The endpoint of a path, with or without `/v1`. Raises Refusal (400, 404, 405)."""
    place = path.removeprefix("/v1")
    endpoint = POSTS.get(place)
    if endpoint is not None:
        _expect("POST", method, path)
        request = decode(body, endpoint.decoder)
        asked: str = request.model or "sandbox/moderate"
        name = names.read(asked)
        if name is None or name.character not in endpoint.characters:
            raise unknown_model(asked)
        return Visit(
            name, endpoint.prefix, lambda stamp, faults: endpoint.answer(request, name, stamp, faults), endpoint.tongue
        )
    if place == MODELS:
        _expect("GET", method, path)
        return Visit(None, "", lambda _stamp, _faults: catalogue.listing())
    if place.startswith(MODELS + "/"):
        _expect("GET", method, path)
        asked = place.removeprefix(MODELS + "/")
        return Visit(names.read(asked), "", lambda _stamp, _faults: catalogue.one(asked))
    raise refusal(404, f"Invalid URL ({method} {path}).")


def _expect(wanted: str, method: str, path: str) -> None:
    if method != wanted:
        raise refusal(405, f"{path} takes {wanted}, not {method}.", None, "method_not_supported")

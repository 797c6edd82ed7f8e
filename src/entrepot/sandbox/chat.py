"""POST /v1/chat/completions: checks the request, asks the character, caps and counts its reply."""

from entrepot.sandbox import characters, chat_stream, chat_whole
from entrepot.sandbox.answers import Answer, Stamp, Stream, refusal
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.listening import audio_tokens, prompt_tokens
from entrepot.sandbox.names import Name
from entrepot.sandbox.replies import Reply, Usage
from entrepot.sandbox.requests import ChatRequest
from entrepot.sandbox.wording import Plain, count, until

MAX_CHOICES = 128
CALL_TOKENS = 7
"""What a tool call costs beside its arguments."""


def answer(request: ChatRequest, name: Name, stamp: Stamp, faults: Faults) -> Answer:
    """The answer of one character. Raises Refusal (400)."""
    _check(request)
    reply = capped(characters.reply(request, name), request)
    usage = None if faults.no_usage else usage_of(request, reply, faults.cached)
    if request.stream:
        return Stream(chat_stream.frames(request, reply, stamp, usage, faults), reply.gap)
    return chat_whole.answer(request, reply, stamp, usage, faults)


def _check(request: ChatRequest) -> None:
    if not request.messages:
        raise refusal(400, "Invalid 'messages': there must be at least one.", "messages", "empty_array")
    if request.n is not None and not 1 <= request.n <= MAX_CHOICES:
        raise refusal(400, f"Invalid 'n': it is 1 to {MAX_CHOICES}.", "n", "integer_out_of_range")
    if request.cap is not None and request.cap < 1:
        param = "max_tokens" if request.max_completion_tokens is None else "max_completion_tokens"
        raise refusal(400, f"Invalid '{param}': it is at least 1.", param, "integer_below_min_value")
    if request.stream_options is not None and not request.stream:
        raise refusal(400, "'stream_options' goes with 'stream' only.", "stream_options", "invalid_parameter")


def capped(reply: Reply, request: ChatRequest) -> Reply:
    """Stop sequences and the cap on tokens applied: reasoning is spent first."""
    text, cap = reply.text, request.cap
    if text is None or not (request.stops or cap):
        return reply
    if request.stops:
        text = Plain(until(text.whole(), request.stops))
    thought = reply.reasoning.count
    if cap is None or reply.calls or thought + text.count <= cap:
        return reply.changed(text=text)
    return reply.changed(reasoning=reply.reasoning.head(cap), text=text.head(max(cap - thought, 0)), finish="length")


def usage_of(request: ChatRequest, reply: Reply, cached: int = 0) -> Usage:
    """Usage of all choices; cached and reasoning tokens count inside the totals, as OpenAI does."""
    choices = request.n or 1
    prompt = prompt_tokens(request)
    sound = reply.sound.tokens if reply.sound else 0
    said = (reply.text.count if reply.text else 0) + sound
    said += sum(count(call.arguments) + CALL_TOKENS for call in reply.calls)
    thought = reply.reasoning.count
    spoken = choices * (said + thought)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": spoken,
        "total_tokens": prompt + spoken,
        "prompt_tokens_details": {"cached_tokens": min(cached, prompt), "audio_tokens": audio_tokens(request)},
        "completion_tokens_details": {
            "reasoning_tokens": choices * thought,
            "audio_tokens": choices * sound,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }

"""generateContent forwarded: bytes pass, usage counts, doors stay shut."""

import json as stdlib

import pytest

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import NOTHING
from entrepot.dialects.gemini.generate import GeminiCount, GeminiGenerate
from entrepot.kit import json
from tests.dialects import conversions
from tests.dialects.gemini.asking import DIALECT as CONVERSION
from tests.shared import corpus, requires_shared

DIALECT = GeminiGenerate()
CONTENTS = {"contents": [{"parts": [{"text": "hi"}]}]}


@requires_shared
@pytest.mark.parametrize("name", ["gemini_generate", "vercel_gemini_generate"])
def test_recordings_pass_byte_for_byte_and_count_as_converted(name: str) -> None:
    seen = 0
    for record in corpus(name):
        if record["status"] != 200 or (
            "response_sse" not in record and "candidates" not in (record.get("response_json") or ())
        ):
            continue
        stream = "response_sse" in record
        body = record["response_sse"].encode() if stream else stdlib.dumps(record["response_json"]).encode()
        tap = DIALECT.tap(Tapping(stream))
        out = b"".join(tap.feed(body[start : start + 700]) for start in range(0, len(body), 700)) + tap.end()
        assert out == body, record["id"]
        assert tap.usage == conversions.summary(conversions.events_of(CONVERSION, body, stream=stream)).usage
        seen += 1
    assert seen > 5


@pytest.mark.parametrize(
    "body",
    [
        {**CONTENTS, "cachedContent": "cachedContents/x"},
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]},
        {"contents": [{"parts": [{"file_data": {"file_uri": "https://GenerativeLanguage.googleAPIs.com/v1beta/files/x"}}]}]},
        {"contents": [{"parts": [{"fileData": {"fileUri": "files/x"}}]}]},
        {**CONTENTS, "systemInstruction": {"parts": [{"fileData": {"fileUri": "gs://bucket/x"}}]}},
        {**CONTENTS, "tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/x"]}}]},
    ],
)
def test_what_was_uploaded_with_the_key_cannot_be_named(body: object) -> None:
    with pytest.raises(Fault) as raised:
        DIALECT.peek(json.encode(body))
    assert raised.value.kind is Kind.FOREIGN_OBJECT
    with pytest.raises(Fault):
        GeminiCount().peek(json.encode({"generateContentRequest": body}))


def test_escapes_hide_no_name() -> None:
    body = rb'{"contents":[{"parts":[{"file\u0044ata":{"fileUri":"https://generativelanguage.googleapis\u002ecom/v1beta/files/x"}}]}]}'
    with pytest.raises(Fault) as raised:
        DIALECT.peek(body)
    assert raised.value.kind is Kind.FOREIGN_OBJECT


def test_a_tool_of_the_clients_may_have_such_a_field() -> None:
    parts = [
        {"functionCall": {"name": "f", "args": {"fileUri": "files/x"}}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
    ]
    declared = {"name": "f", "parameters": {"type": "OBJECT", "properties": {"file_search": {"type": "STRING"}}}}
    assert DIALECT.peek(json.encode({"contents": [{"parts": parts}], "tools": [{"functionDeclarations": [declared]}]})).size


def test_what_is_held_for_is_what_the_vendor_reads() -> None:
    config = {"candidateCount": 8, "maxOutputTokens": 50}
    peek = DIALECT.peek(json.encode({**CONTENTS, "generationConfig": None, "generation_config": config}))
    assert (peek.choices, peek.max_output) == (8, 50)


def test_a_lowered_cap_takes_the_place_of_the_clients() -> None:
    peek = DIALECT.peek(json.encode({**CONTENTS, "generation_config": {"max_output_tokens": 50, "seed": 1}}))
    assert peek.max_output == 50
    body = json.decode(DIALECT.patch(peek, Changes(max_output=9)))
    assert body["generation_config"] == {"seed": 1, "maxOutputTokens": 9}
    assert json.decode(DIALECT.patch(DIALECT.peek(json.encode(CONTENTS)), Changes(model="x"))) == CONTENTS


def test_counting() -> None:
    tap = GeminiCount().tap(Tapping(stream=False))
    assert tap.feed(b'{"totalTokens":5}') + tap.end() == b'{"totalTokens":5}'
    assert tap.done
    assert tap.usage == NOTHING


def test_a_request_names_one_model() -> None:
    assert GeminiGenerate().others(Peek("m", stream=False, members={})) == []

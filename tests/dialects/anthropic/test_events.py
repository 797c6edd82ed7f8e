"""Events, strictly and leniently."""

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.events import Block, Delta, block, read, read_lenient


def test_a_piece_of_text() -> None:
    event = read(b'{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"hi"} }')
    assert (event.type, event.index, event.delta) == ("content_block_delta", 2, Delta(text="hi"))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"content_block_delta","index":"2","delta":{"text":"hi","partial_json":{"a":1}}}',
        b'{"type":"content_block_delta","index":null,"delta":{"text":"hi"},"x":NaN}',
        b'{"type":"content_block_delta","index":1.5,"delta":{"text":"hi","y":"\\ud83d"}}',
    ],
)
def test_types_that_surprise(payload: bytes) -> None:
    event = read_lenient(payload)
    assert (event.type, event.index, event.delta) == ("content_block_delta", None, Delta(text="hi"))


def test_every_member_is_read_leniently() -> None:
    start = read_lenient(b'{"type":"message_start","message":{"usage":{"input_tokens":"3"},"id":4}}')
    assert start.message is not None
    assert start.message.usage == {"input_tokens": "3"}
    begun = read_lenient(
        b'{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":1,"input":{"a":1}}}'
    )
    assert begun.content_block is not None
    assert (begun.content_block.name, bytes(begun.content_block.input)) == (None, b'{"a":1}')
    error = read_lenient(b'{"type":7,"error":{"type":"overloaded_error"}}')
    assert (error.type, bytes(error.error)) == ("", b'{"type":"overloaded_error"}')
    assert not read_lenient(b'{"type":"ping"}').error


@pytest.mark.parametrize("payload", [b"nonsense", b"[1]", b'"x"', b'{"type":', b""])
def test_garbage(payload: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_lenient(payload)
    assert caught.value.kind is Kind.VENDOR_GARBAGE


def test_blocks_of_a_whole_answer() -> None:
    assert block({"type": "text", "text": "hi"}) == Block(type="text", text="hi")
    assert block({"type": 5}) == Block()
    assert block("text") is None

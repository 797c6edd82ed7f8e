"""The cost in usage: set, or in place of the vendor's own; all else keeps its bytes."""

import pytest

from entrepot.dialects.shared.costs import priced_body, priced_frame, states_cost


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"usage":{"a":1.50}}', b'{"usage":{"a":1.50,"cost":0.25}}'),
        (b'{"x":"caf\\u00e9","usage":{},"y":1e3}', b'{"x":"caf\\u00e9","usage":{"cost":0.25},"y":1e3}'),
        (b'{"usage":{"cost":9,"b":2,"cost_details":{"upstream":9}}}', b'{"usage":{"b":2,"cost":0.25}}'),
        (b'{"usage":{"cost":{"total_cost":0.005}}}', b'{"usage":{"cost":0.25}}'),
        (b'{"usage":{"cost_in_usd_ticks":1330500}}', b'{"usage":{"cost":0.25}}'),
        (b'{"usage":null}', None),
        (b'{"choices":[]}', None),
        (b"[]", None),
        (b'{"usage":{"a":NaN}}', None),
    ],
)
def test_bodies(body: bytes, expected: bytes | None) -> None:
    assert priced_body(body, "0.25") == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'data: {"usage":{}}\n\n', b'data: {"usage":{"cost":0}}\n\n'),
        (b'data:{"usage":{}}\r\n\r\n', b'data:{"usage":{"cost":0}}\r\n\r\n'),
        (b'event: x\nid: 7\ndata: {"usage":{}}\n\n', b'event: x\nid: 7\ndata: {"usage":{"cost":0}}\n\n'),
        (b'event: x\ndata: {"usage":\ndata: {}}\n\n', b'event: x\ndata: {"usage":{"cost":0}}\n\n'),
        (b"data: {oh}\n\n", b"data: {oh}\n\n"),
        (b": comment\n\n", b": comment\n\n"),
    ],
)
def test_frames_keep_their_framing(frame: bytes, expected: bytes) -> None:
    assert priced_frame(frame, "0") == expected


def test_which_usage_states_a_cost() -> None:
    assert states_cost({"prompt_tokens": 1, "cost_in_usd_ticks": 2})
    assert not states_cost({"prompt_tokens": 1, "total_cost": 2})

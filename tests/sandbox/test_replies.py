"""Shapes that whole answers and streams share."""

from entrepot.sandbox.answers import Stamp
from entrepot.sandbox.replies import Call, Reply, call_id, score, sound_id
from entrepot.sandbox.wording import Plain

STAMP = Stamp("chatcmpl-" + "0123456789abcdef" * 2, 1)


def test_a_call_begins_and_goes_on() -> None:
    function, custom = Call("f", '{"a":1}'), Call("c", "ls", custom=True)
    assert function.shape("") == {"type": "function", "function": {"name": "f", "arguments": ""}}
    assert function.more("x") == {"function": {"arguments": "x"}}
    assert custom.shape("ls") == {"type": "custom", "custom": {"name": "c", "input": "ls"}}
    assert custom.more("x") == {"custom": {"input": "x"}}


def test_ids_differ_by_choice_and_place() -> None:
    ids = {call_id(STAMP, choice, number) for choice in range(3) for number in range(3)}
    assert len(ids) == 9
    assert {len(one) for one in ids} == {29}
    assert sound_id(STAMP).startswith("audio_")


def test_a_score_has_the_token_and_its_bytes() -> None:
    assert score("é") == {"token": "é", "logprob": -0.0001, "bytes": [195, 169], "top_logprobs": []}


def test_a_reply_changes_by_copy() -> None:
    reply = Reply(Plain("x"))
    assert reply.changed(finish="length").finish == "length"
    assert reply.finish == "stop"

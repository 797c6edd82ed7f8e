"""Scripts: faults as changes to the steps of an answer."""

import pytest

from entrepot.sandbox.answers import DONE, Stream, Whole
from entrepot.sandbox.faults import LATE_ERROR, NONE, Faults
from entrepot.sandbox.steps import BLOCK, Break, Pause, Step, plan
from entrepot.sandbox.tongues import ANTHROPIC, OPENAI

ERROR = OPENAI.error(LATE_ERROR)
FRAMES = (b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n", DONE)


def stream(faults: Faults) -> list[Step]:
    return list(plan(Stream(iter(FRAMES)), faults).steps)


TEN = Whole(b"0123456789")


def whole(faults: Faults, answer: Whole = TEN) -> list[Step]:
    return list(plan(answer, faults).steps)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (NONE, [*FRAMES]),
        (Faults(cut=0), [Break.CUT]),
        (Faults(cut=2), [*FRAMES[:2], Break.CUT]),
        (Faults(cut=9), [*FRAMES, Break.CUT]),
        (Faults(stall=1), [FRAMES[0], Break.STALL]),
        (Faults(reset=1), [FRAMES[0], Break.RESET]),
        (Faults(late_error=1), [FRAMES[0], b"data: " + ERROR + b"\n\n"]),
        (Faults(lie=True), [b"data: " + ERROR + b"\n\n", DONE]),
        (Faults(no_done=True), [*FRAMES[:3]]),
        (Faults(empty=True), [b""]),
        (Faults(pause=0.5), [Pause(0.5), *FRAMES]),
    ],
)
def test_streams(faults: Faults, expected: list[Step]) -> None:
    assert stream(faults) == expected


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (NONE, [b"0123456789"]),
        (Faults(cut=3), [b"01234", Break.CUT]),
        (Faults(stall=3), [b"01234", Break.STALL]),
        (Faults(reset=3), [b"01234", Break.RESET]),
        (Faults(malformed=3), [b"01234"]),
        (Faults(lie=True), [ERROR]),
        (Faults(late_error=3), [ERROR]),
    ],
)
def test_whole_answers(faults: Faults, expected: list[Step]) -> None:
    assert whole(faults) == expected


def test_two_faults_in_one_stream() -> None:
    steps = stream(Faults(malformed=1, cut=2))
    assert steps[0] == FRAMES[0]
    assert steps[2:] == [FRAMES[1], Break.CUT]


def test_slowdrip_keeps_the_bytes() -> None:
    steps = stream(Faults(slowdrip=60))
    assert b"".join(step for step in steps if isinstance(step, bytes)) == b"".join(FRAMES)
    assert {len(step) for step in steps if isinstance(step, bytes)} <= {1, 2, 3}
    assert sum(step.seconds for step in steps if isinstance(step, Pause)) == pytest.approx(len(b"".join(FRAMES)) / 60, rel=0.2)


def test_filler_comes_in_blocks_and_can_be_cut() -> None:
    answer = Whole(b"<>", filler=3 * BLOCK + 5, fill_at=1)
    script = plan(answer, NONE)
    assert dict(script.headers)[b"content-length"] == b"%d" % (3 * BLOCK + 7)
    steps = list(script.steps)
    assert b"".join(step for step in steps if isinstance(step, bytes)) == b"<" + b"x" * (3 * BLOCK + 5) + b">"
    assert max(len(step) for step in steps if isinstance(step, bytes)) == BLOCK
    cut = whole(Faults(cut=1), answer)
    assert cut[-1] is Break.CUT
    assert sum(len(step) for step in cut if isinstance(step, bytes)) == (3 * BLOCK + 7) // 2


def test_the_dialect_says_how_a_stream_breaks_and_ends() -> None:
    frames = (b"event: a\ndata: 1\n\n", b"event: b\ndata: 2\n\n", ANTHROPIC.done)

    def steps(faults: Faults) -> list[Step]:
        return list(plan(Stream(iter(frames)), faults, ANTHROPIC).steps)

    assert steps(Faults(no_done=True)) == [*frames[:2]]
    assert steps(Faults(late_error=1)) == [frames[0], ANTHROPIC.error_event(LATE_ERROR)]
    assert steps(Faults(malformed=1)) == [frames[0], ANTHROPIC.broken, *frames[1:]]
    assert steps(Faults(lie=True)) == [ANTHROPIC.error_event(LATE_ERROR), ANTHROPIC.done]

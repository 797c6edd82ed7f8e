"""What an attempt tells: by the table of faults, before and after the first content, in time and late."""

import random

import pytest

from entrepot.core.faults import TABLE, Blame, Cool, Fault, Kind, VendorAnswer
from entrepot.core.http import Origin
from entrepot.core.route import Route
from entrepot.core.usage import Usage
from entrepot.kit.clock import ManualClock
from entrepot.routing.board import Board
from entrepot.routing.health import ChannelHealth, KeyHealth
from entrepot.routing.trial import BREAKS, BROKEN, LONGEST_WAIT, STRIKES, Trial, Verdict


class Lane:
    """One channel with one or more keys, on a clock of its own."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.board = Board(self.clock, random.Random(1))
        self.told: list[Verdict] = []
        self.board.on_verdict = self.told.append

    def begin(self, key: int = 10) -> Trial:
        origin = Origin("https", "vendor.example", 443)
        route = Route(1, "c1", "compatible", "default", 1_000_000, "m", origin, "", "", key, "sk-x")
        return self.board.begin(route)

    def fails(self, kind: Kind, *, key: int = 10, took: float = 0.1, status: int = 0, wait: float | None = None) -> None:
        trial = self.begin(key)
        self.clock.advance(took)
        answer = VendorAnswer(status, b"application/json", b'{"error": "no"}') if status else None
        trial.fault = Fault(kind, retry_after=wait, vendor=answer)
        trial.end(self.clock.monotonic())

    def answers(self, key: int = 10) -> None:
        trial = self.begin(key)
        trial.content(self.clock.monotonic())
        trial.answered = True
        trial.end(self.clock.monotonic(), Usage(output=5))

    def breaks_off(self) -> None:
        trial = self.begin()
        trial.content(self.clock.monotonic())
        trial.fault = Fault(Kind.VENDOR_TRUNCATED)
        trial.end(self.clock.monotonic(), Usage(output=5))

    @property
    def channel(self) -> ChannelHealth:
        return self.board.known()[0]

    def key(self, number: int = 10) -> KeyHealth:
        return self.channel.keys[number]

    def state(self) -> str:
        return self.channel.breaker.state(self.clock.monotonic())

    def key_state(self, number: int = 10) -> str:
        return self.key(number).breaker.state(self.clock.monotonic())


@pytest.fixture
def lane() -> Lane:
    return Lane()


def test_three_in_a_row_open_a_channel(lane: Lane) -> None:
    for _ in range(STRIKES - 1):
        lane.fails(Kind.VENDOR_ERROR)
    lane.answers()
    for _ in range(STRIKES - 1):
        lane.fails(Kind.VENDOR_ERROR)
    assert lane.state() == "closed"
    lane.fails(Kind.VENDOR_ERROR)
    assert (lane.state(), lane.channel.breaker.reason) == ("open", "vendor_error")
    assert 1 in lane.board.troubled


def test_one_that_kept_its_caller_waiting_is_enough(lane: Lane) -> None:
    lane.fails(Kind.CONNECT_TIMEOUT, took=10.0)
    assert lane.state() == "open"
    assert lane.channel.breaker.until - lane.clock.monotonic() >= 8.0


def test_retry_after_of_a_channel_is_believed_within_bounds(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_OVERLOADED, wait=20.0)
    assert lane.channel.breaker.until - lane.clock.monotonic() == pytest.approx(20.0)
    other = Lane()
    other.fails(Kind.VENDOR_OVERLOADED, wait=86_400.0)
    assert other.channel.breaker.until - other.clock.monotonic() == pytest.approx(LONGEST_WAIT)


@pytest.mark.parametrize("kind", [kind for kind in Kind if TABLE[kind].cool is Cool.NOTHING])
def test_what_is_not_the_channels_doing_never_counts(lane: Lane, kind: Kind) -> None:
    for _ in range(10):
        lane.fails(kind, took=60.0)
    assert (lane.state(), lane.channel.sound, lane.board.troubled) == ("closed", True, {})


@pytest.mark.parametrize("kind", [kind for kind in Kind if TABLE[kind].cool is not Cool.NOTHING])
def test_what_is_counts_in_each_case(lane: Lane, kind: Kind) -> None:
    assert TABLE[kind].blame is Blame.CHANNEL
    for _ in range(STRIKES):
        lane.fails(kind)
    now = lane.clock.monotonic()
    assert lane.channel.ends(10, now) > now
    rests = lane.channel.breaker if TABLE[kind].cool is Cool.CHANNEL else lane.key().breaker
    assert rests.rests(now), "and exactly that"
    assert lane.channel.breaker.rests(now) is (TABLE[kind].cool is Cool.CHANNEL)


def test_a_probe_by_real_traffic_closes_at_the_first_content(lane: Lane) -> None:
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    lane.clock.advance(3.0)
    probe = lane.begin()
    assert lane.channel.breaker.rests(lane.clock.monotonic())
    probe.content(lane.clock.monotonic())
    assert lane.state() == "closed", "a long answer need not end first"
    probe.answered = True
    probe.end(lane.clock.monotonic(), Usage(output=5))
    assert lane.state() == "closed"


def test_a_failed_probe_doubles_the_rest(lane: Lane) -> None:
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    lane.clock.advance(3.0)
    lane.fails(Kind.VENDOR_ERROR)
    assert 3.2 <= lane.channel.breaker.until - lane.clock.monotonic() <= 4.8


@pytest.mark.parametrize("kind", [None, Kind.VENDOR_REFUSED, Kind.CLIENT_LEFT, Kind.POOL_EXHAUSTED])
def test_a_probe_without_a_verdict_leaves_the_next_call_as_probe(lane: Lane, kind: Kind | None) -> None:
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    lane.clock.advance(3.0)
    probe = lane.begin()
    probe.fault = Fault(kind) if kind else None
    probe.end(lane.clock.monotonic())
    assert (lane.state(), lane.channel.breaker.rests(lane.clock.monotonic())) == ("half_open", False)


def test_late_news_neither_close_nor_prolong(lane: Lane) -> None:
    good, bad = lane.begin(), lane.begin()
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    until = lane.channel.breaker.until
    good.content(lane.clock.monotonic())
    assert lane.state() == "open"
    bad.fault = Fault(Kind.VENDOR_ERROR)
    bad.end(lane.clock.monotonic())
    assert lane.channel.breaker.until == until


def test_an_ended_probe_takes_no_later_one_away(lane: Lane) -> None:
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    lane.clock.advance(3.0)
    long = lane.begin()
    long.content(lane.clock.monotonic())
    for _ in range(STRIKES):
        lane.fails(Kind.VENDOR_ERROR)
    lane.clock.advance(3.0)
    lane.begin()
    long.answered = True
    long.end(lane.clock.monotonic(), Usage(output=5))
    assert lane.channel.breaker.rests(lane.clock.monotonic()), "the second probe still runs"


def test_breaks_after_content_count_apart_and_weaker(lane: Lane) -> None:
    for _ in range(BREAKS - 1):
        lane.breaks_off()
    assert lane.state() == "closed"
    assert lane.channel.factor(lane.clock.monotonic()) == pytest.approx(0.95 ** (BREAKS - 1))
    lane.answers()
    for _ in range(BREAKS - 1):
        lane.breaks_off()
    assert lane.state() == "closed", "a whole answer starts anew"
    lane.breaks_off()
    assert lane.state() == "open"
    counts = lane.key().figures.now
    assert (counts.ok, counts.failed, counts.broke) == (1, 0, 2 * BREAKS - 1)


def test_an_answer_that_its_client_left_was_good(lane: Lane) -> None:
    trial = lane.begin()
    trial.content(lane.clock.monotonic())
    lane.clock.advance(2.0)
    trial.end(lane.clock.monotonic(), Usage(output=100))
    counts = lane.key().figures.now
    assert (counts.ok, counts.tokens, counts.seconds) == (1, 100, 2.0)


def test_a_limited_key_rests_as_long_as_the_vendor_says(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_RATE_LIMIT, wait=30.0)
    assert lane.key().breaker.until - lane.clock.monotonic() == pytest.approx(30.0)
    assert lane.state() == "closed", "only the key"
    assert lane.told == [Verdict(1, 10, "cooled", "vendor_rate_limit", 30.0, 0)]
    lane.clock.advance(31.0)
    lane.answers()
    assert lane.key_state() == "closed"
    assert lane.told[-1].status == "enabled"


def test_a_short_limit_is_nobody_elses_business(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_RATE_LIMIT, wait=1.0)
    lane.clock.advance(1.5)
    lane.fails(Kind.VENDOR_RATE_LIMIT)
    assert lane.told == []


def test_limits_again_and_again_are_told_only_where_they_say_something_new(lane: Lane) -> None:
    for _ in range(20):
        lane.fails(Kind.VENDOR_RATE_LIMIT, wait=30.0, took=0.05)
    assert len(lane.told) == 1


def test_without_retry_after_it_backs_off(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_RATE_LIMIT)
    assert 0.8 <= lane.key().breaker.until - lane.clock.monotonic() <= 1.2
    lane.clock.advance(1.3)
    lane.fails(Kind.VENDOR_RATE_LIMIT)
    assert 1.6 <= lane.key().breaker.until - lane.clock.monotonic() <= 2.4


@pytest.mark.parametrize(("kind", "status"), [(Kind.VENDOR_AUTH, 401), (Kind.VENDOR_QUOTA, 402), (Kind.VENDOR_QUOTA, 429)])
def test_a_refused_key_is_broken_and_tried_again_by_rule(lane: Lane, kind: Kind, status: int) -> None:
    for number, seconds in enumerate((*BROKEN, BROKEN[-1])):
        lane.fails(kind, status=status)
        told = lane.told[-1]
        assert (told.status, told.seconds, told.tries) == ("broken", seconds, number + 1)
        assert told.reason == f'{kind.value} ({status}): {{"error": "no"}}'
        left = lane.key().breaker.until - lane.clock.monotonic()
        assert seconds <= left <= seconds * 1.1
        lane.clock.advance(left)
    lane.answers()
    assert (lane.key_state(), lane.key().tries, lane.told[-1].status) == ("closed", 0, "enabled")


def test_a_broken_key_that_was_tried_for_want_of_better_stays_as_it_is(lane: Lane) -> None:
    for _ in range(20):
        lane.fails(Kind.VENDOR_AUTH, status=401)
    assert (len(lane.told), lane.key().tries) == (1, 1)


def test_403_may_be_the_models_matter(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_AUTH, status=403)
    lane.answers()
    lane.fails(Kind.VENDOR_AUTH, status=403)
    assert (lane.key_state(), lane.told) == ("closed", [])
    lane.fails(Kind.VENDOR_AUTH, status=403)
    assert lane.told[-1].status == "broken"


def test_what_has_no_key_has_no_row_to_share(lane: Lane) -> None:
    lane.fails(Kind.VENDOR_AUTH, status=401, key=0)
    assert (lane.key_state(0), lane.told) == ("open", [])


def test_other_keys_are_not_touched(lane: Lane) -> None:
    lane.answers(key=11)
    lane.fails(Kind.VENDOR_AUTH, status=401)
    assert (lane.key_state(10), lane.key_state(11)) == ("open", "closed")

"""The pulse of a silent answer; its effect on a call is in test_money."""

import asyncio

import pytest

from entrepot.core.usage import Usage
from entrepot.relay import pulse
from entrepot.relay.pulse import Pulse


class Answer:
    """A vendor's answer as far as the pulse sees it: what has flowed, and whether it was failed."""

    def __init__(self) -> None:
        self.ended = False
        self.failed: list[str] = []
        self.flowed = 0

    def fail(self, kind: str, cause: object) -> None:
        self.failed.append(kind)

    def counted(self) -> Usage:
        return Usage(output=self.flowed)


class Wallet:
    """A hold that can reserve up to a limit, and remembers what it was asked for."""

    def __init__(self, limit: int) -> None:
        self.open = True
        self.limit = limit
        self.asked: list[int] = []

    def reserve(self, tokens: int) -> bool:
        self.asked.append(tokens)
        return tokens <= self.limit


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.02)
    monkeypatch.setattr(pulse, "TOKENS_PER_SECOND", 5_000)  # 100 a beat


async def test_silence_grows_and_ends_the_answer() -> None:
    answer, wallet = Answer(), Wallet(250)
    beating = Pulse(wallet, answer, answer)  # type: ignore[arg-type]
    await asyncio.sleep(0.3)
    assert wallet.asked == [100, 200, 300, 400], "two misses in a row are the end"
    assert answer.failed == ["balance_exhausted"]
    beating.stop()


async def test_what_flows_is_no_silence() -> None:
    answer, wallet = Answer(), Wallet(10_000)
    beating = Pulse(wallet, answer, answer)  # type: ignore[arg-type]
    for _ in range(6):
        answer.flowed += 50
        await asyncio.sleep(0.015)
    assert max(wallet.asked) <= 400
    beating.stop()
    asked = len(wallet.asked)
    await asyncio.sleep(0.06)
    assert len(wallet.asked) == asked, "stopped"
    assert answer.failed == []


async def test_it_ends_with_the_answer_or_the_hold() -> None:
    for attribute in ("answer", "hold"):
        answer, wallet = Answer(), Wallet(0)
        if attribute == "answer":
            answer.ended = True
        else:
            wallet.open = False
        Pulse(wallet, answer, answer)  # type: ignore[arg-type]
        await asyncio.sleep(0.06)
        assert (wallet.asked, answer.failed) == ([], [])
    Pulse(None, Answer(), Answer())  # type: ignore[arg-type]

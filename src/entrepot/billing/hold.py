"""Hold → grow → settle: what one call reserves, and what it costs in the end.

Made before anything is sent, ended exactly once on every exit of the call. Ending is synchronous:
the charge and the usage row are one record in the journal (buckets/), written before the end of
the answer goes out.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import msgspec

from entrepot.billing.charge import MAX_CHARGE, cost
from entrepot.billing.estimate import ROOMY, Estimate, estimate
from entrepot.billing.prices import PriceBook, Quote, Unpriced, free
from entrepot.billing.rows import facts_of
from entrepot.buckets.desk import Buckets
from entrepot.buckets.errors import FencedError, InsufficientError, JournalError, OnHoldError, RefusedError
from entrepot.buckets.held import Held
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.trouble import Trouble
from entrepot.core.call import FREE, WRITING, Caller, Operation, Peek, Period
from entrepot.core.faults import Fault, Kind
from entrepot.core.money import format_usd
from entrepot.core.record import Record
from entrepot.core.usage import Basis, Usage
from entrepot.kit.clock import iso
from entrepot.store.contract import StoreError

_log = logging.getLogger("entrepot.billing")

CHECK_CHUNKS = 16
"""Chunks of a stream between two looks at whether its hold still covers it."""
CHECKS_BETWEEN = 8
"""Looks that pass after a balance was found on hold, before it is asked again (each asking may wait two seconds)."""


_PERIODS: Final[dict[Period, str]] = {"day": "daily", "week": "weekly", "month": "monthly", "total": "total"}

Spare: TypeAlias = Callable[[int], Awaitable[int]]
"""What a hold could still have of a bucket. Raises StoreAwayError."""


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What was agreed when the call was admitted: pinned, whatever changes meanwhile."""

    quote: Quote
    estimate: Estimate
    ratio_ppm: int
    """The dearest of the key's groups: what is held. The group that serves is what is charged."""
    book: PriceBook
    at_us: int

    def quoted(self, usage: Usage) -> Quote:
        """The prices, with those of other models that took part, as far as they have any."""
        if not usage.others or not self.quote.pattern:
            return self.quote
        found = {model: quote for model, _ in usage.others if (quote := self.book.quote(model, self.at_us)) is not None}
        return msgspec.structs.replace(self.quote, others=found)


class Hold:
    """What one call has reserved."""

    __slots__ = ("_amount", "_held", "_last", "_most", "_spare", "_terms", "_waits", "max_output", "ratio_ppm")

    def __init__(self, held: Held, terms: Terms, amount: int, max_output: int | None, spare: Spare) -> None:
        self._held = held
        self._spare = spare
        self._terms = terms
        self._amount = amount
        self._last = False
        """No more is to be had: what is reserved is the last."""
        self._waits = 0
        """Looks to let pass before the balance is asked again."""
        self._most = _most(terms.estimate, max_output)
        self.ratio_ppm = 0
        """Of the group that serves, once that is known."""
        self.max_output = max_output
        """Output tokens that the balance pays for, where that is less than was asked; None: as asked."""

    @property
    def open(self) -> bool:
        """Neither settled nor released."""
        return self._held.open

    @property
    def prompt(self) -> int:
        """Tokens of the prompt, about."""
        return self._terms.estimate.counted

    def counted(self, delivered: Usage, known: Usage | None = None) -> Usage:
        """Usage where the vendor's is missing or not the last: our own count of what went out; of what went in the vendor's
        (`known`), or our estimate.
        """
        if known is not None and known.prompt_total:
            return msgspec.structs.replace(known, output=delivered.output, reasoning=delivered.reasoning, basis=Basis.COUNTED)
        return msgspec.structs.replace(delivered, input=self._terms.estimate.counted, basis=Basis.COUNTED)

    async def cover(self, delivered: Usage, record: Callable[[], Record], *, free: bool = False) -> None:
        """Reserve ahead of what has flowed, a slice at a time; the last one is what the balance still has.

        `free`: should this worker die, the call costs nothing.
        Raises Fault(BALANCE_EXHAUSTED) where all that is reserved has flowed, and no more is to be had.
        """
        estimate, flowed = self._terms.estimate, delivered.output_total
        if self._amount - estimate.cost(flowed) > estimate.step // 4 or self._amount >= self._most:
            return
        needed = min(estimate.cost(flowed + CHECK_CHUNKS * estimate.choices), self._most)
        self._waits -= 1
        if not self._last and (self._waits < 0 or self._amount < needed):
            await self._grow(min(estimate.step, self._most - self._amount))
            self._note(record(), free=free)
        if self._amount < needed:
            raise Fault(Kind.BALANCE_EXHAUSTED)

    def _note(self, record: Record, *, free: bool) -> None:
        """What a crash now would leave on the bill."""
        ratio = self.ratio_ppm or self._terms.ratio_ppm
        due = cost(record.usage, self._terms.quote, ratio)
        if free:
            record, due = msgspec.structs.replace(record, waived=due), 0
        try:
            self._held.progress(due, facts_of(record, self._terms.quote, ratio))
        except JournalError:
            _log.exception("progress not journalled", extra={"request_id": record.id})

    async def _grow(self, more: int) -> None:
        """A slice more, or what is left of the balance."""
        if not self._held.grow(more):
            try:
                await self._held.grow_wait(more)
            except InsufficientError:
                self._last = True
                more = await self._remainder(more)
            except OnHoldError:
                # Other calls hold the rest: it may come back, but not at once.
                self._waits = CHECKS_BETWEEN
                more = await self._remainder(more)
            except FencedError:
                # No contact with the database: what is reserved may flow, then the stream ends like one without money.
                self._waits, more = CHECKS_BETWEEN, 0
        self._amount += more

    async def _remainder(self, wanted: int) -> int:
        """Reserve the last that the buckets have, less than `wanted`; what came of it."""
        try:
            more = min([wanted, *[await self._spare(bucket) for bucket in self._held.amounts]])
            if more > 0:
                await self._held.grow_wait(more)
        except (RefusedError, StoreError):
            return 0
        return more

    def reserve(self, tokens: int) -> bool:
        """Reserve from memory for so many output tokens in all; False where that is not to be had now."""
        more = min(self._terms.estimate.cost(tokens), self._most) - self._amount
        if more <= 0:
            return True
        more = max(more, min(self._terms.estimate.step, self._most - self._amount))
        if not self._held.grow(more):
            return False
        self._amount += more
        return True

    def price(self, usage: Usage, ratio_ppm: int) -> int:
        """nano-USD that this usage costs at the group that served."""
        return cost(usage, self._terms.quoted(usage), ratio_ppm)

    def settle(self, record: Record, ratio_ppm: int) -> int:
        """The call costs `record.charge`; gives the journal's position. Never waits, never fails for lack of money."""
        return self._held.settle(record.charge, facts_of(record, self._terms.quoted(record.usage), ratio_ppm))


def _most(estimate: Estimate, max_output: int | None) -> int:
    """What the answer can cost at most: its cap, the client's or ours; without one there is no most."""
    if max_output is not None:
        return estimate.cost(max_output * estimate.choices)
    return estimate.cost(estimate.cap) if estimate.capped else MAX_CHARGE


class Billing:
    """Makes holds on the worker's buckets."""

    __slots__ = ("_buckets", "_closed", "_most", "_unpriced")

    def __init__(self, buckets: Buckets, unpriced: Unpriced, most: Mapping[str, int] | None = None) -> None:
        """`most`: output tokens that well-known models can write, by their names."""
        self._buckets = buckets
        self._unpriced: Unpriced = unpriced
        self._most: Mapping[str, int] = most or {}
        self._closed = Trouble(
            "usage rows of refused calls are dropped: the journal takes nothing", "usage rows are kept again"
        )

    async def hold(self, caller: Caller, operation: Operation, peek: Peek, book: PriceBook, when: "When") -> Hold:
        """Reserve what the call may cost. Raises Fault with 402, 429 or 503; then nothing is reserved."""
        quote = free(book.version) if operation in FREE else book.quote(peek.model, when.at_us)
        if quote is None:
            if caller.wallet != HOUSE and self._unpriced == "refuse":
                raise Fault(Kind.NOT_PRICED, f"The model '{peek.model}' has no price yet.", param="model")
            quote = free(book.version)
        most = None if peek.stream or peek.max_output is not None else when.most or self._most.get(peek.model)
        guess = estimate(peek, quote, when.ratio_ppm, writes=operation in WRITING, most=most)
        terms = Terms(quote, guess, when.ratio_ppm, book, when.at_us)
        amount, max_output = guess.hold, None
        if caller.wallet == 0 and amount > 0:
            raise Fault(Kind.INSUFFICIENT_QUOTA, "This account has no balance yet.")
        buckets = (caller.wallet or HOUSE, *caller.caps)
        held = self._buckets.try_hold([(bucket, amount) for bucket in buckets])
        if held is None:
            held, amount, max_output = await self._hold_less(caller, buckets, terms)
        return Hold(held, terms, amount, max_output, self._buckets.spare)

    async def _hold_less(self, caller: Caller, buckets: tuple[int, ...], terms: Terms) -> tuple[Held, int, int | None]:
        """From the database; and where the balance is short, what it does pay for."""
        guess = terms.estimate
        amount, max_output, rounds, squeezed = guess.hold, None, len(buckets), False
        while True:
            try:
                return await self._buckets.hold([(bucket, amount) for bucket in buckets]), amount, max_output
            except InsufficientError as error:
                cap = 0 if guess.stream or not rounds else guess.lowered(amount - error.missing)
                rounds -= 1
                smaller = guess.cost(cap * guess.choices)
                if cap <= 0 or smaller < guess.minimum or smaller >= amount:
                    raise _short(caller, error) from None
            except OnHoldError:
                # Calls that run have reserved more than they will need: what they leave may do.
                cap = 0 if guess.stream or squeezed else guess.lowered(await self._free(buckets))
                squeezed, smaller = True, guess.cost(cap * guess.choices)
                if cap < min(ROOMY, guess.cap // guess.choices) or smaller >= amount:
                    raise Fault(Kind.BALANCE_ON_HOLD, retry_after=1) from None
            except FencedError:
                raise Fault(Kind.MONEY_AWAY, retry_after=5) from None
            amount, max_output = smaller, cap

    async def _free(self, buckets: tuple[int, ...]) -> int:
        """What a call could have of each of these buckets now; 0 where that cannot be known."""
        try:
            return min([await self._buckets.spare(bucket) for bucket in buckets])
        except StoreError:
            return 0

    def note(self, record: Record) -> None:
        """The usage row of a call that held nothing. Dropped, with a word in the log, where the journal is closed."""
        held = self._buckets.try_hold([(HOUSE, 0)])
        if held is None:
            self._closed.met(f"the first is {record.id}")
            return
        self._closed.over()
        held.settle(0, facts_of(record, free()))

    async def synced(self, position: int) -> None:
        """With durability "fsync": the record is on disk."""
        await self._buckets.synced(position)


def _short(caller: Caller, error: InsufficientError) -> Fault:
    """Which bucket is short. Trying again is of no use; a budget renews by itself, and says when."""
    missing = f"It lacks {format_usd(error.missing)} USD for this call."
    budget = next((each for each in caller.budgets if each.bucket == error.bucket), None)
    if budget is None:
        return Fault(Kind.INSUFFICIENT_QUOTA, f"{Fault(Kind.INSUFFICIENT_QUOTA).message} {missing}")
    renews = "does not renew" if budget.ends is None else f"renews at {iso(budget.ends)}"
    whose = "API key" if budget.of == "key" else "account"
    name = f"{_PERIODS[budget.period]} budget of {format_usd(budget.limit)} USD"
    return Fault(Kind.INSUFFICIENT_QUOTA, f"This {whose}'s {name} cannot pay for this call. {missing} It {renews}.")


class When(msgspec.Struct, frozen=True, gc=False):
    """When a call is admitted, at which ratio it is held, and how long its answer can become."""

    at_us: int
    """Microseconds since 1970 UTC."""
    ratio_ppm: int
    most: int | None = None
    """Output tokens that the model can write, where the operator says so."""

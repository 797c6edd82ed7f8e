"""What one call has reserved: grow, settle, release. Synchronous; works with the database away."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from entrepot.buckets.errors import JournalError
from entrepot.buckets.lease import Account
from entrepot.buckets.record import Charges, Release, Written, progressed, settled
from entrepot.buckets.rows import Facts, Line

Amounts: TypeAlias = int | Mapping[int, int]
"""nano-USD: the same for each bucket of the hold, or by bucket id (absent: 0)."""
Want: TypeAlias = tuple[int, int]
"""(bucket id, nano-USD)."""


class Book(Protocol):
    """What a hold needs of the desk that made it."""

    def may_grow(self) -> bool:
        """False when fenced."""
        ...

    def write(self, request: str, record: Written) -> int:
        """The end of a call into the journal; gives the position after it. Raises JournalError."""
        ...

    def owe(self, held: "Held", request: str, record: Written, error: JournalError) -> int:
        """Keep an end that the journal did not take, and write it later; gives the position that is reached now."""
        ...

    def note(self, request: str, record: Written) -> None:
        """Its progress into the journal, where there is room for that. Raises JournalError."""
        ...

    def ended(self, held: "Held") -> None:
        """The hold is no more."""
        ...

    def lacking(self, account: Account, nano: int) -> None:
        """Lease ahead: growth of this size will be wanted."""
        ...

    async def grow(self, held: "Held", wants: Sequence[Want]) -> None:
        """Reserve more, if need be from the database."""
        ...


class Held:
    """Made by `Buckets.try_hold` and `Buckets.hold`. Ends exactly once, by `settle` or `release`.

    The first bucket is the wallet: it has a ledger, and the house account pays what it lacks. The others are caps.
    """

    __slots__ = ("_book", "_line_id", "open", "parts")

    def __init__(self, book: Book, parts: list[tuple[Account, int]]) -> None:
        self._book = book
        self.parts = parts
        """Accounts, and what is reserved in each."""
        self._line_id = ""
        self.open = True
        for account, _ in parts:
            account.users += 1

    @property
    def amounts(self) -> dict[int, int]:
        """What is reserved, by bucket."""
        return {account.bucket: nano for account, nano in self.parts}

    def grow(self, more: Amounts) -> bool:
        """Reserve more from memory, in all buckets or in none; False where that is not to be had now.

        Either way more is leased in the background. Raises RuntimeError after the end.
        """
        self._check()
        if not self._book.may_grow():
            return False
        wants = self._each(more)
        for account, nano in zip((a for a, _ in self.parts), wants, strict=True):
            if account.available < 2 * nano:
                self._book.lacking(account, nano)
        return self.take(wants)

    async def grow_wait(self, more: Amounts) -> None:
        """Like `grow`, but asks the database and other workers first. Raises RefusedError's kinds."""
        if not self.grow(more):
            wants = self._each(more)
            await self._book.grow(self, [(part[0].bucket, nano) for part, nano in zip(self.parts, wants, strict=True)])

    def progress(self, charges: Amounts, said: Line | Facts) -> None:
        """Note in the journal what the call would cost if the worker died now. Raises JournalError."""
        self._check()
        self._book.note(said.id, progressed(said, self._charges(charges), self.parts[0][1]))
        self._line_id = said.id

    def settle(self, charges: Amounts, said: Line | Facts) -> int:
        """The call has ended and costs this; gives the journal position after the record, for `Buckets.synced`.

        May be more than is reserved. Where the disk fails it is kept, and written as soon as the disk takes it.
        """
        if not self.open:
            raise RuntimeError("a hold ends once")
        due = self._charges(charges)
        record = settled(said, due, self.parts[0][1])
        self.open = False
        try:
            position = self._book.write(said.id, record)
        except JournalError as error:
            return self._book.owe(self, said.id, record, error)
        self.spent(due)
        return position

    def release(self) -> None:
        """The call ended and costs nothing. Does nothing after the end."""
        if not self.open:
            return
        self.open = False
        try:
            if self._line_id:
                self._book.write(self._line_id, Release(self._line_id))
        except JournalError as error:
            self._book.owe(self, self._line_id, Release(self._line_id), error)
        else:
            self.freed()

    def spent(self, due: Charges) -> None:
        """The end stands in the journal: these charges take the place of what was reserved."""
        for (account, held), (_, nano) in zip(self.parts, due, strict=True):
            account.settle(held, nano)
            account.users -= 1
        self._book.ended(self)

    def freed(self) -> None:
        """There is nothing to pay: what was reserved goes back."""
        for account, held in self.parts:
            account.free(held)
            account.users -= 1
        self._book.ended(self)

    def take(self, wants: Sequence[int]) -> bool:
        """Reserve these amounts, one for each bucket in order, or none of them."""
        if any(account.available < nano for (account, _), nano in zip(self.parts, wants, strict=True)):
            return False
        for index, nano in enumerate(wants):
            account, held = self.parts[index]
            account.hold(nano)
            self.parts[index] = (account, held + nano)
        return True

    def _check(self) -> None:
        if not self.open:
            raise RuntimeError("a hold ends once")

    def _each(self, amounts: Amounts) -> list[int]:
        if isinstance(amounts, int):
            wants = [amounts] * len(self.parts)
        else:
            wants = [amounts.get(account.bucket, 0) for account, _ in self.parts]
        if min(wants, default=0) < 0:
            raise ValueError("an amount below zero")
        return wants

    def _charges(self, amounts: Amounts) -> Charges:
        if isinstance(amounts, int) and amounts >= 0:
            return tuple([(account.bucket, amounts) for account, _ in self.parts])  # a list is quicker than a generator
        return tuple((part[0].bucket, nano) for part, nano in zip(self.parts, self._each(amounts), strict=True))

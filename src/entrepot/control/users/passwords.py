"""Passwords as argon2id. Slow on purpose: it never runs on a gateway's loop."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


async def seal(password: str) -> str:
    """The hash to keep, with its own salt and parameters; computed in a thread."""
    return await asyncio.to_thread(PasswordHasher().hash, password)


async def fits(sealed: str | None, password: str) -> bool:
    """Is this the password behind the hash? A user without one has none that fits."""
    if sealed is None:
        return False
    try:
        return await asyncio.to_thread(PasswordHasher().verify, sealed, password)
    except (VerificationError, InvalidHashError):
        return False

"""Calls that share a prompt's beginning go to the same channel and key: there the vendor has it in its cache.

Rendezvous hashing: each channel has a number of its own for each session, and the highest one serves. Nothing is
stored, all workers agree, and a channel that rests moves its own sessions only.
"""

import hashlib
import zlib
from typing import Final

from entrepot.core.call import Affinity
from entrepot.kit.json import Members

PREFIX: Final = 1024
"""Bytes of a prompt's beginning that tell prompts apart: the system prompt, and the start of the conversation."""
# What clients call a session in the body: OpenAI's key for its cache and its two names for an end user
# (platform.openai.com, prompt caching; `user` is its older form); Anthropic's `metadata` holds a `user_id`,
# in which Claude Code names the session.
_SESSIONS: Final = ("prompt_cache_key", "user", "safety_identifier", "metadata")
_PROMPTS: Final = ("system", "instructions", "messages", "prompt", "input", "contents")


def mark_of(mode: Affinity, session: bytes, account: int, key: int, members: Members) -> int:
    """What a call's channel is chosen by; 0 where there is nothing to go by. `session`: what a header said."""
    if mode == "key":
        return zlib.crc32(b"%d" % key) | 1
    if mode == "session":
        return _session(session, account, members)
    return _prefix(members) if mode == "prefix" else 0


def salt(what: str, number: int) -> float:
    """A channel's or key's own factor, in [0, 1); the same on every machine."""
    return int.from_bytes(hashlib.blake2b(f"{what}:{number}".encode(), digest_size=8).digest()) / 2.0**64


def share(mark: int, factor: float, inverse: float) -> float:
    """A channel's number for a session, in [0, 1): evenly spread (Weyl), then bent by its weight (`inverse` is 1 / weight)."""
    even = mark * factor % 1.0
    return even if inverse == 1.0 else even**inverse


def _session(session: bytes, account: int, members: Members) -> int:
    """Two accounts that call their sessions alike have two."""
    if session:
        return zlib.crc32(session, account) | 1
    for name in _SESSIONS:
        raw = members.get(name)
        if raw is not None and bytes(raw) != b"null":
            return zlib.crc32(raw, account) | 1
    return 0


def _prefix(members: Members) -> int:
    """All accounts together: the vendor's cache is the channel's."""
    found, left = 0, PREFIX
    for name in _PROMPTS:
        raw = members.get(name)
        if raw is not None and left > 0:
            begin = memoryview(raw)[:left]
            left -= len(begin)
            found = zlib.crc32(begin, found)
    return found | 1 if left < PREFIX else 0

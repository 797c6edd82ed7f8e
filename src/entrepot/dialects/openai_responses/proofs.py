"""Reasoning that travels in a reasoning item's `encrypted_content`: OpenAI's own, and, wrapped, that of others.

Clients that keep no state at OpenAI (Codex) send whole reasoning items back, and never look inside.
"""

from typing import Final

from entrepot.core.ask import Proof

NAME: Final = "openai_responses"
_WRAP: Final = "entrepot:"


def wrap(proof: Proof) -> str:
    """A proof as `encrypted_content`."""
    return proof.data if proof.dialect == NAME else f"{_WRAP}{proof.dialect}:{proof.data}"


def unwrap(content: str) -> Proof:
    """`encrypted_content` as a proof of whoever made it."""
    if content.startswith(_WRAP):
        dialect, _, data = content.removeprefix(_WRAP).partition(":")
        return Proof(dialect, data)
    return Proof(NAME, content)

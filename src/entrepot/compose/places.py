"""Where this run of the server has put what it serves itself."""

from entrepot.settings import Handoff


def self_urls(handoff: Handoff) -> dict[str, tuple[str, str]]:
    """`self:sandbox`: its address in this run of the server, and the secret it asks for."""
    if not handoff.sandbox_port:
        return {}
    return {"self:sandbox": (f"http://127.0.0.1:{handoff.sandbox_port}/v1", handoff.sandbox_secret)}

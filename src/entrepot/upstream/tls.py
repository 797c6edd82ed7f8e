"""How we trust vendors and proxies: the system's authorities, host names checked, TLS 1.2 at least."""

import ssl


def client_context(extra_ca: str | None = None) -> ssl.SSLContext:
    """A context for all outgoing connections. `extra_ca`: a PEM file of further authorities. Raises OSError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if extra_ca is not None:
        context.load_verify_locations(cafile=extra_ca)
    return context

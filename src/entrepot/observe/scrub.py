"""Takes out of a text whatever looks like a secret, before it is logged.

A net below the real rule, which is not to log secrets at all: vendors quote keys in their
error messages, and drivers quote connection strings.
"""

import re

_SECRETS = re.compile(
    r"""
      \b(?P<brand>sk-ent-|adm-ent-|sk-|pk-|rk-|xai-|gsk_|hf_|AIza|nvapi-|r8_)[A-Za-z0-9_\-]{8,}
    | \b(?P<scheme>bearer|basic)\s+[A-Za-z0-9._~+/=\-]{6,}
    | \b(?P<name>[a-z_\-]{0,40}(?:key|token|secret|password|passwd|signature|authorization))(?P<sign>["']?\s*[=:]\s*["']?)
      (?!bearer\b|basic\b)[^\s&"',;)}\]]{4,}
    | (?P<start>[a-z][a-z0-9+.\-]{0,20}://[^\s:/@]{0,100}:)[^\s/@]{1,300}@
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NAMES = frozenset(
    {
        "key",
        "api_key",
        "apikey",
        "secret",
        "secrets",
        "token",
        "password",
        "authorization",
        "cookie",
        "x-api-key",
        "x-goog-api-key",
    }
)


def scrub(text: str) -> str:
    """The text with `…` in place of each secret."""
    return _SECRETS.sub(_kept, text)


def is_secret_name(name: str) -> bool:
    """Is a value under this name a secret whatever it looks like?"""
    return name.lower() in _NAMES


def _kept(match: re.Match[str]) -> str:
    if brand := match["brand"]:
        return f"{brand}…"
    if scheme := match["scheme"]:
        return f"{scheme} …"
    if name := match["name"]:
        return f"{name}{match['sign']}…"
    return f"{match['start']}…@"

"""Base URLs as people really write them: pasted with an operation's path, with or without the version, with a slash.

`base_url` is what the vendor's own SDK takes; one that has or lacks the version part by mistake is understood.
"""

import re
from urllib.parse import urlsplit, urlunsplit

SANDBOX = "self:sandbox"
_OPERATIONS = re.compile(
    r"(?:/chat/completions|/completions|/embeddings|/moderations|/models|/responses|/messages(?:/count_tokens)?"
    r"|/images/generations)/?$"
)
_VERSION = re.compile(r"/v\d+(?:alpha|beta)?\d*(?=/|$)")
_LAST_VERSION = re.compile(r"/v\d+(?:alpha|beta)?\d*/?$")
_DOUBLED = re.compile(r"(/v\d+(?:beta)?)\1$")


def normal(given: str, default: str, others: tuple[str, ...] = (), bare: str = "") -> str:
    """The base URL to use for what was given. `default` is the vendor's own, `others` are more of its addresses,
    `bare` is the path to add to a host alone where there is no default to take it from.

    Raises ValueError for what is no http(s) URL, and where nothing was given and there is no default.
    """
    text = given.strip()
    if not text or text == default:
        if not default:
            raise ValueError("this provider needs a base_url")
        return default
    if text == SANDBOX:
        return text
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not an http(s) URL: {given!r}")
    path = _DOUBLED.sub(r"\1", _OPERATIONS.sub("", parts.path.rstrip("/")).rstrip("/"))
    host = parts.netloc.lower()
    known = next((urlsplit(url) for url in (default, *others) if url and urlsplit(url).netloc == host), None)
    return urlunsplit(
        (parts.scheme, host, _path(path, known.path if known else None, urlsplit(default).path or bare), parts.query, "")
    )


def _path(path: str, known: str | None, usual: str) -> str:
    """The path of a base URL. `known` is the vendor's own on this very host, `usual` what it is on its default host."""
    if known is not None and (_only_version(path) or known.startswith(f"{path}/")):
        return known
    if not path:
        return usual
    return usual if usual.startswith(f"{path}/") and not _VERSION.search(path) else path


def _only_version(path: str) -> bool:
    return _VERSION.sub("", path, count=1) == ""


def without_version(path: str) -> str:
    """A path without the version at its end, where it has one."""
    return _LAST_VERSION.sub("", path)

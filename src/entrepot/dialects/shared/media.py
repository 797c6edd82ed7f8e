"""Pictures, documents and sounds as they stand in requests: data URLs, base64 in both alphabets, types by their first bytes."""

import binascii
import re
from base64 import b64decode, b64encode

from entrepot.core.ask import Media, MediaKind

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE)
_URLSAFE = str.maketrans("-_", "+/", " \r\n\t")
_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"GIF8", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"%PDF-", 0, "application/pdf"),
    (b"WAVE", 8, "audio/wav"),
    (b"ID3", 0, "audio/mpeg"),
    (b"OggS", 0, "audio/ogg"),
    (b"fLaC", 0, "audio/flac"),
    (b"ftyp", 4, "video/mp4"),
)


class BadDataError(ValueError):
    """Not base64, or not a data URL."""


def standard(data: str) -> str:
    """Base64 in the standard alphabet, padded. Raises BadDataError."""
    plain = data.translate(_URLSAFE).rstrip("=")
    plain += "=" * (-len(plain) % 4)
    try:
        binascii.a2b_base64(plain, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise BadDataError(f"not base64: {error}") from None
    return plain


def sniff(data: str) -> str:
    """The type that the first bytes of base64 data show; "" for an unknown one."""
    head = b64decode(data[:64] + "=" * (-len(data[:64]) % 4))
    return next((mime for magic, at, mime in _MAGIC if head[at : at + len(magic)] == magic), "")


def from_url(url: str, kind: MediaKind, *, name: str = "", detail: str = "") -> Media:
    """What an URL names: its data where it is a data URL. Raises BadDataError."""
    if url[:5].lower() != "data:":
        return Media(kind, url=url, name=name, detail=detail)
    match = _DATA_URL.match(url)
    if match is None or not match[3]:
        raise BadDataError("a data URL needs a type and base64 data")
    return from_data(url[match.end() :], kind, mime=match[1] or "", name=name, detail=detail)


def from_data(data: str, kind: MediaKind, *, mime: str = "", name: str = "", detail: str = "") -> Media:
    """Base64 data with the type that was said, else the one it shows. Raises BadDataError."""
    plain = standard(data)
    return Media(kind, mime=mime.lower() or sniff(plain), data=plain, name=name, detail=detail)


def from_text(text: str, *, mime: str, name: str = "") -> Media:
    """A document of plain text."""
    return Media("document", mime=mime, data=b64encode(text.encode("utf-8", "replace")).decode(), name=name)


def to_url(media: Media) -> str:
    """As an URL: its own, or a data URL."""
    return media.url or f"data:{media.mime or 'application/octet-stream'};base64,{media.data}"


def kind_of(mime: str) -> MediaKind:
    """What a type is, in our four kinds."""
    family = mime.partition("/")[0].lower()
    return family if family in ("image", "audio", "video") else "document"  # type: ignore[return-value]


def text_document(media: Media) -> str:
    """A document of plain text as words, for formats that take no such file."""
    text = words_of(media)
    return f"[{media.name}]\n{text}" if media.name else text


def words_of(media: Media) -> str:
    """The words of a document of plain text."""
    return b64decode(media.data).decode("utf-8", "replace")

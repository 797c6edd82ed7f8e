"""Data URLs, base64 in both alphabets, types by their first bytes."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from entrepot.core.ask import Media
from entrepot.dialects.shared import media

PNG = b"\x89PNG\r\n\x1a\n\xff\xfe\xfb"


def test_both_alphabets_padded_or_not() -> None:
    plain = b64encode(PNG).decode()
    assert media.standard(urlsafe_b64encode(PNG).decode().rstrip("=")) == plain
    assert media.standard(plain[:8] + "\n" + plain[8:]) == plain
    for bad in ("%%%%", "a", "ab\x00c"):
        with pytest.raises(media.BadDataError):
            media.standard(bad)


def test_data_urls() -> None:
    data = b64encode(PNG).decode()
    assert media.from_url(f"data:image/jpeg;base64,{data}", "image") == Media("image", mime="image/jpeg", data=data)
    assert media.from_url(f"data:;base64,{data}", "image").mime == "image/png"
    assert media.from_url("https://x/y.png", "image", detail="low") == Media("image", url="https://x/y.png", detail="low")
    for bad in ("data:image/png,abc", "data:nothing"):
        with pytest.raises(media.BadDataError):
            media.from_url(bad, "image")


@pytest.mark.parametrize(
    ("head", "mime"), [(b"%PDF-1.4", "application/pdf"), (b"RIFF0000WEBP", "image/webp"), (b"ID3", "audio/mpeg"), (b"?", "")]
)
def test_types_by_their_first_bytes(head: bytes, mime: str) -> None:
    assert media.sniff(b64encode(head).decode()) == mime


def test_documents_of_text() -> None:
    made = media.from_text("grüße", mime="text/plain", name="a.txt")
    assert media.words_of(made) == "grüße"
    assert media.text_document(made) == "[a.txt]\ngrüße"
    assert media.to_url(made).startswith("data:text/plain;base64,")
    assert media.kind_of("video/mp4") == "video"
    assert media.kind_of("application/pdf") == "document"

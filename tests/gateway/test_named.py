"""Paths that name the model."""

import pytest

from entrepot.gateway.named import Named, read_named


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", b"", Named("generate", "gemini-2.5-flash")),
        ("/v1/models/a/b:generateContent", b"key=x", Named("generate", "a/b")),
        ("/v1beta/models/m:streamGenerateContent", b"alt=sse", Named("generate", "m", stream=True)),
        ("/v1alpha/models/m:streamGenerateContent", b"", Named("generate", "m", stream=True, array=True)),
        ("/v1beta/models/m:countTokens", b"", Named("generate_count", "m")),
        ("/v1beta/models/m:fly", b"", None),
        ("/v1beta/models/:generateContent", b"", None),
        ("/v1/models/m", b"", None),
        ("/v1/chat/completions", b"", None),
    ],
)
def test_what_a_path_says(path: str, query: bytes, said: Named | None) -> None:
    assert read_named(path, query) == said

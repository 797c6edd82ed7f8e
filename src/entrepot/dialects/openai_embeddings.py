"""OpenAI embeddings: POST /v1/embeddings, never streamed. `input` is a string, strings, tokens, or token lists.

Source: OpenAI's API reference, "Create embeddings".
"""

from entrepot.dialects.shared.openai_family import OpenAIFamily


class OpenAIEmbeddings(OpenAIFamily):
    """Embeddings."""

    name = "openai_embeddings"
    required = "input"
    answer = "data"

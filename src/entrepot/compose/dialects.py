"""Which dialect each operation speaks: listed, not discovered."""

from types import MappingProxyType

from entrepot.core.dialect import Dialect
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.dialects.openai_completions import OpenAICompletions
from entrepot.dialects.openai_embeddings import OpenAIEmbeddings
from entrepot.dialects.openai_moderations import OpenAIModerations

DIALECTS: MappingProxyType[str, Dialect] = MappingProxyType(
    {
        "chat": OpenAIChat(),
        "completions": OpenAICompletions(),
        "embeddings": OpenAIEmbeddings(),
        "moderations": OpenAIModerations(),
    }
)

"""All dialects, by the operation whose clients speak them."""

from entrepot.core.dialect import Dialect
from entrepot.dialects.anthropic.counting import AnthropicCount
from entrepot.dialects.anthropic.messages import AnthropicMessages
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.dialects.openai_completions import OpenAICompletions
from entrepot.dialects.openai_embeddings import OpenAIEmbeddings
from entrepot.dialects.openai_moderations import OpenAIModerations


def load_dialects() -> dict[str, Dialect]:
    """Each operation's dialect."""
    return {
        "chat": OpenAIChat(),
        "completions": OpenAICompletions(),
        "embeddings": OpenAIEmbeddings(),
        "moderations": OpenAIModerations(),
        "messages": AnthropicMessages(),
        "count_tokens": AnthropicCount(),
    }

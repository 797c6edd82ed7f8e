"""All dialects, by the operation whose clients speak them; and the chat formats that are converted into each other."""

from entrepot.core.call import Operation
from entrepot.core.conversion import Convertible
from entrepot.core.dialect import Dialect
from entrepot.dialects.anthropic.conversion import AnthropicConversion
from entrepot.dialects.anthropic.counting import AnthropicCount
from entrepot.dialects.anthropic.messages import AnthropicMessages
from entrepot.dialects.gemini.conversion import GeminiConversion
from entrepot.dialects.gemini.generate import GeminiCount, GeminiGenerate
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.dialects.openai_completions import OpenAICompletions
from entrepot.dialects.openai_embeddings import OpenAIEmbeddings
from entrepot.dialects.openai_moderations import OpenAIModerations
from entrepot.dialects.openai_responses.conversion import ResponsesConversion
from entrepot.dialects.openai_responses.responses import OpenAIResponses


def load_dialects() -> dict[str, Dialect]:
    """Each operation's dialect."""
    return {
        "chat": OpenAIChat(),
        "completions": OpenAICompletions(),
        "embeddings": OpenAIEmbeddings(),
        "moderations": OpenAIModerations(),
        "messages": AnthropicMessages(),
        "count_tokens": AnthropicCount(),
        "generate": GeminiGenerate(),
        "generate_count": GeminiCount(),
        "responses": OpenAIResponses(),
    }


def load_conversions() -> dict[Operation, Convertible]:
    """The chat formats, by operation."""
    every: tuple[Convertible, ...] = (OpenAIChatConversion(), ResponsesConversion(), AnthropicConversion(), GeminiConversion())
    return {one.operation: one for one in every}

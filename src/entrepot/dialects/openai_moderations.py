"""OpenAI moderations: POST /v1/moderations, never streamed, free of charge and without usage.

The model may be left out; the default is written into the body, so that what we route and allow
is what the vendor runs. Source: OpenAI's API reference, "Create moderation".
"""

from entrepot.dialects.shared.openai_family import OpenAIFamily


class OpenAIModerations(OpenAIFamily):
    """Moderations."""

    name = "openai_moderations"
    required = "input"
    default_model = "omni-moderation-latest"
    answer = "results"
    metered = False

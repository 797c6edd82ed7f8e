"""OpenAI Responses: POST /v1/responses, streamed and whole."""

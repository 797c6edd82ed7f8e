"""One small request of each chat format with nearly every kind of part in it."""

from typing import Any

PICTURE = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}}
REQUESTS: dict[str, list[dict[str, Any]]] = {
    "openai_chat": [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "s"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": PICTURE}}],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_details": [
                        {"type": "reasoning.text", "text": "h", "signature": "sig", "format": "anthropic-claude-v1"}
                    ],
                    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":"1"}'}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "r"},
            ],
            "tools": [
                {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
            "reasoning_effort": "low",
            "stop": ["a"],
            "temperature": 1.5,
            "max_tokens": 10,
            "metadata": {"a": "b"},
            "logit_bias": {"1": 2},
        }
    ],
    "openai_responses": [
        {
            "model": "m",
            "instructions": "i",
            "input": [
                {
                    "role": "user",
                    "content": [{"type": "input_text", "text": "t"}, {"type": "input_image", "image_url": PICTURE}],
                },
                {
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "h"}],
                    "encrypted_content": "entrepot:anthropic:s",
                },
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x":"1"}'},
                {"type": "function_call_output", "call_id": "c1", "output": "r"},
                {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "free"},
                {"type": "custom_tool_call_output", "call_id": "c2", "output": "r"},
            ],
            "tools": [
                {"type": "function", "name": "f", "parameters": SCHEMA},
                {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "d"}},
                {"type": "web_search"},
            ],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
            "reasoning": {"effort": "low", "summary": "auto"},
            "max_output_tokens": 10,
        }
    ],
    "anthropic": [
        {
            "model": "m",
            "max_tokens": 2000,
            "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "t"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                        {
                            "type": "document",
                            "source": {"type": "text", "media_type": "text/plain", "data": "doc"},
                            "title": "n",
                        },
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "h", "signature": "sig"},
                        {"type": "redacted_thinking", "data": "x"},
                        {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": "1"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "r"}]}],
                },
            ],
            "tools": [
                {"name": "f", "description": "d", "input_schema": SCHEMA},
                {"type": "web_search_20250305", "name": "web_search"},
            ],
            "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            "metadata": {"user_id": "u"},
            "stop_sequences": ["a"],
        }
    ],
    "gemini": [
        {
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "t"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]},
                {"role": "user", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}}]},
                {
                    "role": "model",
                    "parts": [
                        {"text": "h", "thought": True},
                        {"functionCall": {"name": "f", "args": {"x": "1"}}, "thoughtSignature": "c2ln"},
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "r"}}}]},
            ],
            "tools": [
                {
                    "functionDeclarations": [
                        {
                            "name": "f",
                            "description": "d",
                            "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING", "nullable": True}}},
                        }
                    ]
                },
                {"googleSearch": {}},
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
            "generationConfig": {
                "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True},
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"x": {"type": "STRING"}}},
                "maxOutputTokens": 10,
                "stopSequences": ["a"],
                "candidateCount": 2,
            },
        }
    ],
}

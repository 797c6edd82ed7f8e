"""Gemini: generateContent and streamGenerateContent, as ai.google.dev and Vertex AI speak it."""

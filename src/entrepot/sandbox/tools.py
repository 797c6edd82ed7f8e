"""A character that uses the tools it is given: calls first, then an answer that quotes the results."""

from entrepot.kit import json
from entrepot.sandbox import documents
from entrepot.sandbox.answers import refusal
from entrepot.sandbox.listening import last_user_text, text_of
from entrepot.sandbox.replies import Call, Reply
from entrepot.sandbox.requests import ChatRequest, Tool, ToolChoice
from entrepot.sandbox.wording import Plain


def reply(request: ChatRequest) -> Reply:
    """Calls, or words. Raises Refusal (400) where `tool_choice` names a tool that is not there."""
    last = request.messages[-1]
    if last.role in ("tool", "function"):
        return Reply(Plain(_quote(request)))
    legacy = not request.tools and bool(request.functions)
    offered = [Tool(function=function) for function in request.functions or ()] if legacy else request.tools or []
    choice = request.function_call if legacy else request.tool_choice
    chosen = _chosen(offered, choice, request)
    if last.role != "user" or not chosen:
        why = "No tools were given." if not offered else "I was told not to use a tool."
        return Reply(Plain(f"{why} You said: {text_of(last)}"))
    said = last_user_text(request)
    if legacy:
        return Reply(calls=(_call(chosen[0], said),), legacy=True, finish="function_call")
    return Reply(calls=tuple(_call(tool, said) for tool in chosen), finish="tool_calls")


def _chosen(offered: list[Tool], choice: str | ToolChoice | None, request: ChatRequest) -> list[Tool]:
    """The tools to call: the forced one, else all that the user names, else the first."""
    if choice == "none" or not offered:
        return []
    if isinstance(choice, ToolChoice):
        if choice.allowed_tools is None:
            return [_forced(offered, choice.forced)]
        allowed = {tool.name for tool in choice.allowed_tools.tools}
        offered = [tool for tool in offered if tool.name in allowed]
    said = last_user_text(request).lower()
    named = [tool for tool in offered if tool.name.lower() in said or tool.name.lower().replace("_", " ") in said]
    if request.parallel_tool_calls is False or request.functions:
        named = named[:1]
    return named or offered[:1]


def _forced(offered: list[Tool], name: str) -> Tool:
    for tool in offered:
        if tool.name == name:
            return tool
    raise refusal(400, f"Tool choice '{name}' is not among the tools.", "tool_choice", "invalid_value")


def _call(tool: Tool, said: str) -> Call:
    if tool.function is None:
        return Call(tool.name, said, custom=True)
    schema = tool.function.parameters or {"type": "object", "properties": {}}
    return Call(tool.name, json.encode(documents.example(schema, said)).decode())


def _quote(request: ChatRequest) -> str:
    """What the tools said since the user spoke, each under its name."""
    names: dict[str, str] = {}
    results: list[str] = []
    for message in request.messages:
        if message.role == "user":
            results.clear()
        for call in message.tool_calls or ():
            called = call.function or call.custom
            names[call.id] = called.name if called else "tool"
        if message.role in ("tool", "function"):
            name = message.name or names.get(message.tool_call_id or "", "tool")
            results.append(f"{name} says: {text_of(message)}")
    return "\n".join(results)

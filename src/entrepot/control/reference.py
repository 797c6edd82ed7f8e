"""The API's documentation as one plain page, made from its OpenAPI description. Loads nothing from anywhere."""

from html import escape
from typing import Any

from entrepot.control.status import document

_METHODS = ("get", "post", "put", "patch", "delete")


def reference(openapi: dict[str, Any]) -> str:
    """Every endpoint by tag: method, path, what it does, its parameters and the fields of its body."""
    schemas = openapi.get("components", {}).get("schemas", {})
    by_tag: dict[str, list[str]] = {}
    for path, operations in openapi["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                tag = (operation.get("tags") or ["status"])[0]
                by_tag.setdefault(tag, []).append(_row(method, path, operation, schemas))
    sections = [f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in by_tag.items()]
    intro = (
        "<p>Send an admin token as <code>Authorization: Bearer adm-ent-…</code>. Money is a decimal string in USD. "
        "Lists give <code>data</code> and <code>next</code>; pass <code>next</code> as <code>after</code>. Errors are "
        "<code>{&quot;error&quot;: {&quot;message&quot;, &quot;type&quot;, &quot;code&quot;, &quot;param&quot;}}</code>. "
        'For programs: <a href="/api/openapi.json">openapi.json</a>.</p>'
    )
    title = f"{openapi['info']['title']} {openapi['info']['version']}"
    return document(title=title, lang="en", body=f"<h1>{escape(title)}</h1>{intro}{''.join(sections)}")


def _row(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    said = escape(str(operation.get("description") or operation.get("summary", "")))
    named = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    more = _list("query", named) + _list("body", _fields(operation, schemas))
    return f"<tr><td>{method.upper()} {escape(path)}</td><td>{said}{more}</td></tr>"


def _list(what: str, names: list[str]) -> str:
    return f"<br>{what}: <code>{escape(', '.join(names))}</code>" if names else ""


def _fields(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    """The names of a body's fields."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = str(content.get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return list(schemas.get(name, {}).get("properties", {}))

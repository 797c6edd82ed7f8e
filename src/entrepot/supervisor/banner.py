"""What `entrepot serve` prints when it is ready."""

import msgspec

from entrepot.settings import Prepared, Settings


def banner(settings: Settings, address: tuple[str, int], report: bytes) -> str:
    """Address, secrets of a first start, and a line to try."""
    found = msgspec.json.decode(report, type=Prepared)
    host, port = address
    base = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"
    key = found.key or "$ENTREPOT_KEY"
    lines = ["", f"  Entrepot is ready   {base}", f"  data                {settings.data_path}"]
    if found.admin_token and found.key:
        lines += [
            f"  admin token         {found.admin_token}",
            f"  API key             {found.key}",
            "                      (shown this once; more: `entrepot admin token create`, `entrepot key create`)",
        ]
    else:
        lines.append("  keys                `entrepot key list`, `entrepot key create`")
    lines += [f"  {note}" for note in found.notes]
    body = '{"model":"sandbox/echo","stream":true,"messages":[{"role":"user","content":"Hello 你好"}]}'
    lines += [
        "",
        "  Try it:",
        "",
        f"  curl -N {base}/v1/chat/completions -H 'Authorization: Bearer {key}' \\",
        f"    -H 'Content-Type: application/json' -d '{body}'",
        "",
    ]
    return "\n".join(lines)

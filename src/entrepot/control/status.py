"""What is running: `GET /api/status` for programs, a page at `/` for people, in Chinese and English."""

import re
from html import escape

import msgspec
from sqlalchemy import func, select

from entrepot import __version__
from entrepot.control.fields import View
from entrepot.control.services import Transaction
from entrepot.control.settings import service as settings
from entrepot.store.schema import channels, feed_head, groups, keys, models, users

_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_COUNTED = {"users": users, "keys": keys, "channels": channels, "groups": groups, "models": models}


class Status(View):
    """What is running."""

    version: str
    feed: int
    """Number of the last change of the configuration."""
    database: str
    """`sqlite` or `postgresql`."""
    counts: dict[str, int]
    """Rows by resource, deleted ones left out."""


class Front(msgspec.Struct, frozen=True):
    """What the status page shows to anybody: nothing of channels, users or keys."""

    title: str
    announcement: str
    base: str
    """Address for the curl lines."""


async def read_status(tx: Transaction) -> Status:
    """Version, feed and counts."""
    counts: dict[str, int] = {}
    for name, table in _COUNTED.items():
        query = select(func.count()).select_from(table)
        if "status" in table.c:
            query = query.where(table.c.status != "deleted")
        counts[name] = int(await tx.scalar(query))
    feed = await tx.scalar(select(feed_head.c.v))
    return Status(version=__version__, feed=int(feed or 0), database=tx.connection.dialect.name, counts=counts)


async def read_front(tx: Transaction, scheme: str, host: str) -> Front:
    """The settings behind the page. A host that is none is not repeated to the visitor."""
    values = {view.name: view.value for view in await settings.list_all(tx)}
    asked = f"{scheme}://{host}" if scheme in ("http", "https") and _HOST.fullmatch(host) else "http://127.0.0.1:3000"
    return Front(values["title"] or "Entrepot", values["announcement"], (values["public_url"] or asked).rstrip("/"))


def language(asked: str | None, accepted: str) -> str:
    """`zh` or `en`: what the link asked for, else what the browser puts first."""
    if asked in ("zh", "en"):
        return asked
    first = accepted.partition(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"


def status_page(front: Front, chosen: str) -> str:
    """The whole page; loads nothing from anywhere."""
    words = _WORDS[chosen]
    other = "en" if chosen == "zh" else "zh"
    parts = [
        f'<p class="lang"><a href="/?lang={other}" hreflang="{other}">{_WORDS[other]["name"]}</a></p>',
        f"<h1>{escape(front.title)}</h1>",
        f'<p class="up"><span></span>{words["up"]} · {escape(__version__)}</p>',
        f'<p class="note">{escape(front.announcement)}</p>' if front.announcement else "",
        f"<p>{words['what']}</p>",
        *(f"<h2>{words[name]}</h2><pre>{escape(line)}</pre>" for name, line in _lines(front.base)),
        f"<h2>{words['sdk']}</h2><pre>{escape(_sdk(front.base))}</pre>",
        f'<h2>{words["more"]}</h2><ul><li><a href="/api/docs">/api/docs</a> {words["docs"]}</li>',
        f'<li><a href="/api/openapi.json">/api/openapi.json</a> {words["openapi"]}</li></ul>',
    ]
    body = "\n".join(part for part in parts if part)
    return document(title=front.title, lang="zh-CN" if chosen == "zh" else "en", body=body)


def document(*, title: str, lang: str, body: str) -> str:
    """An HTML document in the house's looks."""
    return (
        f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _lines(base: str) -> list[tuple[str, str]]:
    """The curl lines, each with the name of its heading."""
    head = f"curl {base}/v1/chat/completions \\\n  -H 'Authorization: Bearer $ENTREPOT_KEY' \\\n"
    head = head.replace("'Authorization: Bearer $ENTREPOT_KEY'", '"Authorization: Bearer $ENTREPOT_KEY"')
    head += "  -H 'Content-Type: application/json' \\\n"
    say = '"messages":[{"role":"user","content":"Hello 你好"}]'
    return [
        ("stream", head.replace("curl ", "curl -N ", 1) + f'  -d \'{{"model":"sandbox/echo","stream":true,{say}}}\''),
        ("whole", head + f'  -d \'{{"model":"sandbox/echo",{say}}}\''),
        ("models", f'curl {base}/v1/models -H "Authorization: Bearer $ENTREPOT_KEY"'),
    ]


def _sdk(base: str) -> str:
    return f'from openai import OpenAI\n\nclient = OpenAI(base_url="{base}/v1", api_key="sk-…")'


_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "name": "English",
        "up": "running",
        "what": "One address and one key in front of many AI vendors. "
        "Put your key into <code>ENTREPOT_KEY</code> and try a line below; the sandbox answers without any vendor.",
        "stream": "Chat, streamed",
        "whole": "Chat, in one piece",
        "models": "Models of your key",
        "sdk": "With the OpenAI SDK",
        "more": "More",
        "docs": "the administration API",
        "openapi": "its description for programs",
    },
    "zh": {
        "name": "中文",
        "up": "运行中",
        "what": "一个地址、一把密钥，接入多家 AI 厂商。"
        "把密钥放进环境变量 <code>ENTREPOT_KEY</code>，运行下面任意一行即可；沙箱模型无需任何厂商账号。",
        "stream": "对话（流式）",
        "whole": "对话（一次返回）",
        "models": "密钥可用的模型",
        "sdk": "使用 OpenAI SDK",
        "more": "更多",
        "docs": "管理接口文档",
        "openapi": "接口描述（OpenAPI）",
    },
}

_STYLE = (
    ":root{color-scheme:light dark}body{margin:0;font:16px/1.6 system-ui,-apple-system,'Segoe UI','PingFang SC',"
    "'Microsoft YaHei',sans-serif}main{max-width:46rem;margin:0 auto;padding:2rem 1.25rem 4rem}"
    "h1{margin:.2em 0 0;font-size:2rem}h2{margin:2rem 0 .5rem;font-size:1.05rem}"
    "pre{overflow-x:auto;padding:.9rem 1rem;border-radius:.5rem;background:#8881;font:13px/1.5 ui-monospace,"
    "SFMono-Regular,Menlo,Consolas,monospace}code{font-family:ui-monospace,Menlo,Consolas,monospace}"
    ".lang{float:right;margin:.6rem 0 0}.up span{display:inline-block;width:.6rem;height:.6rem;margin-right:.5rem;"
    "border-radius:50%;background:#2a9d4b}.note{padding:.6rem 1rem;border-left:4px solid #d9a300;background:#d9a30022}"
    "table{border-collapse:collapse;width:100%}td{padding:.3rem .8rem .3rem 0;vertical-align:top}"
    "td:first-child{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px;white-space:nowrap}"
)

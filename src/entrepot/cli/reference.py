"""The commands' documentation, made from the commands: `entrepot reference > docs/cli.md`."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer

_KINDS = {"int": "NUMBER", "Path": "FILE"}
_HEAD = """# Commands

Made by `entrepot reference`; do not edit by hand.

Every command reads the same settings as the server: options before the command's name
(`entrepot --data-dir DIR key list`), `ENTREPOT_…` variables, the `[server]` table of the file
given with `--config`, then the defaults of [configuration.md](configuration.md). Commands work
on the database, with or without a server running; a running one notices within a second.
`--json` prints what the API would answer. An error is one line on standard error; the exit
code is 1, or 2 where the command was written wrongly.
"""


def reference(app: typer.Typer) -> str:
    """All commands as Markdown."""
    root: Any = typer.main.get_command(app)
    return "\n".join([_HEAD, *_section(root, "entrepot")]).rstrip() + "\n"


def _section(command: Any, path: str) -> Iterator[str]:
    if command.hidden:
        return
    subcommands: dict[str, Any] = getattr(command, "commands", {})
    level = "##" if subcommands or path.count(" ") == 1 else "###"
    if path.count(" ") or not subcommands:
        yield f"{level} `{path}`\n"
    yield cleandoc(command.help or "") + "\n"
    if not subcommands:
        yield f"    {_usage(command, path)}\n"
    rows = [row for row in (_row(parameter) for parameter in command.params) if row]
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows]) + "\n"
    if command.epilog:
        yield f"{command.epilog.replace('Example: ', 'Example: `', 1)}`\n"
    for name, subcommand in subcommands.items():
        yield from _section(subcommand, f"{path} {name}")


def _usage(command: Any, path: str) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    words = [_metavar(argument) if argument.required else f"[{_metavar(argument)}]" for argument in arguments]
    needed = [
        f"{option.opts[0]} {_metavar(option)}" for option in command.params if option.required and option not in arguments
    ]
    return " ".join([path, *words, *needed, "[OPTIONS]"])


def _row(parameter: Any) -> str | None:
    if "--help" in parameter.opts:
        return None
    said = (parameter.help or "").replace("|", "\\|")
    if parameter.param_type_name == "argument":
        return f"| `{_metavar(parameter)}` | {said} |" if said else None
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    value = "" if getattr(parameter, "is_flag", False) else f" {_metavar(parameter)}"
    return f"| {names}{value} | {said} |"


def _metavar(parameter: Any) -> str:
    kind = getattr(parameter.type_descriptor.annotation, "__name__", "str")
    return str(parameter.metavar or _KINDS.get(kind, "TEXT"))

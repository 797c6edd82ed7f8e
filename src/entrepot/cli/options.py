"""Options that several commands share, and values as people type them: `a,b`, `name=value`, `Header: value`."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

import typer

from entrepot.kit import json

Lift = Annotated[
    list[str] | None, typer.Option("--lift", metavar="LIMIT", help="Take a limit away, such as rpm; repeat for several.")
]


class RateOptions(TypedDict, total=False):
    """What may go through a key, a user, a group or a model."""

    rpm: Annotated[int, typer.Option("--rpm", help="Calls a minute.")]
    tpm: Annotated[int, typer.Option("--tpm", help="Tokens a minute, prompt and output together.")]
    concurrency: Annotated[int, typer.Option("--concurrency", help="Calls at once.")]


class SpenderOptions(RateOptions, total=False):
    """What else may be said of a key or a user."""

    budget: Annotated[
        list[str],
        typer.Option(
            "--budget",
            metavar="USD/PERIOD",
            help="What may be spent a day, week, month, or in total: 5/day. unlimited/day lifts it.",
        ),
    ]


def spelled_out(command: Callable[..., None]) -> Callable[..., None]:
    """Lets a command say `**said: Unpack[Options]`: what may be said of a resource, written once for `create` and `update`.

    Typer is shown each field of the TypedDict `Options` as an option; `said` gets those that were set.
    """
    signature = inspect.signature(command, eval_str=True)
    *own, said = signature.parameters.values()
    (fields,) = get_args(said.annotation)
    hints = get_type_hints(fields, include_extras=True)
    particular_first = sorted(hints, key=SpenderOptions.__annotations__.__contains__)
    options = [_option(name, hints[name]) for name in particular_first]
    names = {option.name for option in options}
    places = [parameter for parameter in own if parameter.kind is not parameter.KEYWORD_ONLY]

    @functools.wraps(command)
    def spelled(*arguments: Any, **values: Any) -> None:
        command(*arguments, **{name: value for name, value in values.items() if value is not None or name not in names})

    shown: Any = spelled
    shown.__signature__ = signature.replace(parameters=[*places, *options, *own[len(places) :]])
    return spelled


def _option(name: str, hint: Any) -> inspect.Parameter:
    annotation = Annotated[hint.__origin__ | None, *hint.__metadata__]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def given(**fields: Any) -> dict[str, Any]:
    """The options that were set."""
    return {name: value for name, value in fields.items() if value is not None}


def split(values: Sequence[str] | None) -> list[str] | None:
    """Repeated options and commas alike: one list, or None where the option was not given."""
    if not values:
        return None
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def pairs(values: Sequence[str] | None, option: str, separator: str = "=") -> dict[str, str] | None:
    """`name=value` options as a map. Ends the command with a usage error where the separator is missing."""
    if not values:
        return None
    found: dict[str, str] = {}
    for value in values:
        name, mark, rest = value.partition(separator)
        if not mark or not name.strip():
            raise typer.BadParameter(f"{value!r} is not NAME{separator}VALUE", param_hint=option)
        found[name.strip()] = rest.strip()
    return found


def budgets(values: Sequence[str] | None) -> dict[str, dict[str, str]]:
    """`--budget 5/day` options as the field `budget`, if any. Ends the command with a usage error where it is none."""
    if not values:
        return {}
    parts = [value.partition("/") for value in values]
    for amount, slash, period in parts:
        if not amount or not slash or not period:
            raise typer.BadParameter(f"{amount + slash + period!r} is not USD/PERIOD, such as 5/day", param_hint="--budget")
    return {"budget": {period.strip(): amount.strip() for amount, _, period in parts}}


def documents(values: Sequence[str] | None, option: str) -> dict[str, Any] | None:
    """`name=JSON` options as a map; what is not JSON is taken as a string."""
    named = pairs(values, option)
    return None if named is None else {name: _document(text) for name, text in named.items()}


def numbers(values: Sequence[str] | None, option: str) -> dict[str, float] | None:
    """`name=number` options as a map. Ends the command with a usage error where it is no number."""
    named = pairs(values, option)
    if named is None:
        return None
    try:
        return {name: float(text) for name, text in named.items()}
    except ValueError:
        raise typer.BadParameter("the value is a number of seconds", param_hint=option) from None


def lifted(names: Sequence[str] | None, empty: Mapping[str, Any]) -> dict[str, Any]:
    """`--lift rpm` options as fields set to what means no limit."""
    for name in names or ():
        if name not in empty:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(empty)}", param_hint="--lift")
    return {name: empty[name] for name in names or ()}


def _document(text: str) -> Any:
    try:
        return json.decode(text)
    except json.JsonError:
        return text

"""Settings as options of the command line, for typer.

    @app.command("run")
    @with_settings()
    def run(*, inputs: ..., given: dict[str, object], config_file: str, no_config: bool): ...

The decorated function keeps its own parameters and gains one option for each setting; what was
typed comes in as `given`, None where nothing was. Read beside it: settings.py, cli.py.
"""

from __future__ import annotations

import inspect
import os
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

from crawler import config, engines
from crawler.settings import SETTINGS, Kind, OneOf, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from crawler.config import Settings
    from crawler.settings import Setting, Value

_EVERYWHERE = frozenset({"quiet", "verbose"})


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _parameters(
    settings: Iterable[Setting], defaults: Mapping[str, Value]
) -> list[inspect.Parameter]:
    """The settings as the parameters that typer makes options of."""
    return [
        _parameter(
            setting.name,
            Annotated[
                _type(setting), _option(setting, defaults.get(setting.name, setting.default))
            ],
            0 if setting.kind is Kind.LEVEL else None,
        )
        for setting in settings
    ]


def _type(setting: Setting) -> object:
    if setting.kind is Kind.FLAG:
        return bool | None
    if setting.kind is Kind.LEVEL:
        return int
    return list[str] | None if setting.kind is Kind.TEXTS else str | None


def _option(setting: Setting, default: Value) -> object:
    from typer import Option

    name = f"--{setting.name.replace('_', '-')}"
    if setting.kind is Kind.LEVEL:
        return Option(name, *setting.flags, count=True, help=setting.help, show_default=False)
    if setting.kind is Kind.FLAG:
        name = f"{name}/--no-{name[2:]}"
        return Option(name, *setting.flags, help=setting.help, show_default=False)
    return Option(
        name,
        *setting.flags,
        help=_help(setting, default),
        metavar=setting.metavar,
        show_default=False,
        autocompletion=_completed(setting),
    )


def _completed(setting: Setting) -> Callable[[], list[str]] | None:
    """What a shell may offer as its value; None = names of files."""
    if setting.name == "engine":
        return engines.names
    check = setting.check
    return (lambda: list(check.words)) if isinstance(check, OneOf) else None


def _help(setting: Setting, default: Value) -> str:
    if default in ("", (), 0, 0.0):
        return setting.help
    if setting.kind is Kind.SECONDS:
        return f"{setting.help}  [default: {default:g}s]"
    if setting.kind is Kind.BYTES and isinstance(default, int):
        return f"{setting.help}  [default: {_size(default)}]"
    return f"{setting.help}  [default: {default}]"


def _size(number: int) -> str:
    for unit, power in (("Mi", 2**20), ("G", 10**9), ("M", 10**6)):
        if number % power == 0:
            return f"{number // power}{unit}"
    return str(number)


def _files() -> tuple[inspect.Parameter, ...]:
    """Where configuration files are looked for: no settings themselves."""
    from typer import Option

    explicit = Option(
        "--config", metavar="FILE", envvar="CRAWL_CONFIG", show_envvar=False, show_default=False,
        help="Settings in TOML; they win over ./crawl.toml and your own.",
    )  # fmt: skip
    none = Option(
        "--no-config", envvar="CRAWL_NO_CONFIG", show_envvar=False, help="Look for no crawl.toml."
    )
    return (
        _parameter("config_file", Annotated[str, explicit], default=""),
        _parameter("no_config", Annotated[bool, none], default=False),
    )


def with_settings(
    *,
    without: frozenset[str] = frozenset(),
    sections: Iterable[Section] = tuple(Section),
    defaults: Mapping[str, Value] = MappingProxyType({}),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of those sections; it receives them as one dict, `given`.

    Args:
        without: names of settings that are no options of this command.
        sections: whose settings are.
        defaults: what the command itself takes where nothing is given: for its help.
    """
    chosen = [
        setting
        for setting in SETTINGS
        if (setting.section in sections and setting.name not in without)
        or setting.name in _EVERYWHERE
    ]

    def wrap(function: Callable[..., None]) -> Callable[..., None]:
        handed = {"given", "config_file", "no_config"}
        signature = inspect.signature(function, eval_str=True)
        own = [p for p in signature.parameters.values() if p.name not in handed]
        parameters = [*own, *_parameters(chosen, defaults), *_files()]

        def command(**values: object) -> None:
            given = {setting.name: values.pop(setting.name) for setting in chosen}
            # A level not given must not hide the one in a file.
            for name in _EVERYWHERE:
                given[name] = given[name] or None
            function(given=given, **values)

        command.__name__ = function.__name__
        command.__doc__ = function.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # PEP 362
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return wrap


def effective(given: dict[str, object], config_file: str, *, no_config: bool) -> Settings:
    """What was typed, and where it was not, what environment and files say. Raises ConfigError."""
    files = config.found_files(os.environ, explicit=config_file, search=not no_config)
    settings = config.resolve(given, os.environ, files)
    if not settings.count("quiet"):
        for sentence in config.unknown_names(os.environ):
            sys.stderr.write(f"crawl: {sentence}\n")
        for path in files:
            if not path.is_absolute() and str(path) != config_file:
                sys.stderr.write(f"crawl: settings from ./{path}\n")
    return settings

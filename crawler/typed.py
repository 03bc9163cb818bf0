"""Words of the command line as the values of its parameters, where nothing is to be made of them.

typer has every value checked by pydantic, whose import alone takes a fifth of what a short crawl
takes. Nearly all of our options are text, and settings.py checks them; what is of its parameter's
type already is taken as it is, and the rest (numbers, paths) goes typer's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from typer._click import Context


class Typed(TyperCommand):
    """A command whose values are taken as they are where they fit."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        as_they_are(self.get_params(ctx))
        return super().parse_args(ctx, args)


def as_they_are(params: Iterable[object]) -> None:
    """Have the values of these parameters taken as they are where they fit."""
    for param in params:
        # A typer that keeps it elsewhere has all of them checked, which takes its time.
        if getattr(param, "_runtime_param", param) is None:
            vars(param)["_runtime_param"] = _AsItIs()


class _AsItIs:
    """Stands where typer looks for what makes a value of words."""

    def coerce(self, value: object, *, param: Any, ctx: Context) -> object:
        """The value; what typer makes of it where it is no value yet."""
        kind = param.type_descriptor.annotation
        is_many = param.multiple or param.nargs == -1
        if value is None:
            return () if is_many else None
        if kind in (str, int, bool) and type(value) is kind:
            return value
        if kind == list[str] and is_many and _are_texts(value):
            return list(value)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _are_texts(value: object) -> TypeGuard[Sequence[str]]:
    return isinstance(value, tuple | list) and all(type(each) is str for each in value)

"""The command line as it may be kept and shown: a report is given to others. Pure.

    crawl compare http://me:pw@a.test/ -H 'Cookie: a=b' -u me:pw
    crawl compare http://***@a.test/ -H 'Cookie: ***' -u '***'

Read beside it: config.py, which shows settings; compare_command.py.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from crawler import urls
from crawler.headers import is_secret
from crawler.settings import SETTINGS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SWITCHES = frozenset({Kind.FLAG, Kind.LEVEL})
_BEFORE = "y" + "".join(
    flag[1] for setting in SETTINGS if setting.kind in _SWITCHES for flag in setting.flags
)  # short flags that may stand in one word with what follows
_SHORT = re.compile(rf"-[{_BEFORE}]*([Hu])(.*)", re.DOTALL)


def shown(words: Sequence[str]) -> str:
    """The command that these words were given to, without what is secret in options and URLs."""
    told, flag = ["crawl"], ""
    for word in words:
        name, value = (flag, word) if flag else _split(word)
        mask = _MASKS.get(name)
        masked = mask(value) if mask else urls.without_user(value, is_url=False)
        told.append(word[: len(word) - len(value)] + masked)
        flag = name if mask and not value and not flag else ""
    return shlex.join(told)


def masked_field(line: str) -> str:
    """A header field, its value masked where the name says that it is secret."""
    name, _, _ = line.partition(":")
    return f"{name}: ***" if is_secret(name) else line


def masked_user(text: str) -> str:
    """Name and password, without them."""
    return "***" if text else ""


def _split(word: str) -> tuple[str, str]:
    """The option that a word names, and the value that it has in itself."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        return (name, value) if equals or name in _MASKS else ("", word)
    short = _SHORT.fullmatch(word)
    return (f"-{short[1]}", short[2]) if short else ("", word)


_MASKS: dict[str, Callable[[str], str]] = {
    "-H": masked_field,
    "--header": masked_field,
    "-u": masked_user,
    "--user": masked_user,
}

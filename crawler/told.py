"""What a host has told us, in so far as it holds for the next process. Pure.

    Pace ──told──► Told ──text_of──► state file ──of_text──► Told ──recall──► Pace

A host that said 429, dropped connections or could not be asked for its rules is treated by that
after a kill as well. A host without trouble has nothing to keep: its speed is earned anew.
Read beside it: pace.py (what it means), frontier/sqlite.py (when it is written).
"""

from __future__ import annotations

import json
from typing import NamedTuple

_LASTS = 24 * 3600.0  # seconds, as long as its robots.txt: after that it is like any host
_FORM = 1  # of the text


class Told(NamedTuple):
    """The trouble a host had; the default is none."""

    window: int = 0  # exchanges at once since its last trouble; 0 = as for any host
    threshold: int = 0
    ceiling: int = 0  # the window at which it was throttled last
    patience: int = 1  # clean rounds before that is tried again
    throttled: int = 0  # 429 and 503 in a row
    lost: int = 0  # exchanges in a row
    parks: int = 0
    hold: str = ""  # why it rests, a `politeness.Hold`
    tries: int = 0  # times its robots.txt was unreachable
    refused: str = ""  # the code with which all of its pages are refused
    reason: str = ""


NOTHING = Told()


def text_of(told: Told, at: float) -> str | None:
    """As it is kept, with the Unix time; None for nothing."""
    return None if told == NOTHING else json.dumps([_FORM, at, *told])


def of_text(text: str | None, now: float) -> Told:
    """What was kept; nothing where it is more than a day old, or not understood."""
    if text is None:
        return NOTHING
    try:
        form, at, *values = json.loads(text)
        told = Told(*values)
    except (ValueError, TypeError):
        return NOTHING
    kinds = tuple(map(type, told)) == tuple(map(type, NOTHING))
    return told if kinds and form == _FORM and now - at < _LASTS else NOTHING

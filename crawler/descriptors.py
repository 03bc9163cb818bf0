"""How many exchanges the limit of open files leaves room for (getrlimit(2), RLIMIT_NOFILE)."""

from __future__ import annotations

import contextlib
import math
import resource
from dataclasses import replace
from typing import TYPE_CHECKING

from crawler.model import most_idle

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.plan import Plan

_SPARE_FILES = 64  # descriptors for ourselves: outputs, the engine's own
_PER_PROCESS = 4  # ... for each of `--processes`: a socket, what means it, a parser's two pipes


def within(plan: Plan, say: Callable[[str], None]) -> Plan:
    """The plan with no more concurrency than descriptors can be had for; `say` is told when less.

    The limit is one of each process, and is handed down: with several, each has its share of the
    connections, and this one a few descriptors for each of them.
    """
    processes = min(plan.processes, plan.concurrency)
    share = math.ceil(plan.concurrency / processes)
    ours = _PER_PROCESS * processes * (processes > 1) + _SPARE_FILES
    needed = max(ours, 2 * share + _SPARE_FILES)
    useful = max(ours, share + most_idle(share) + _SPARE_FILES)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if soft == infinite or soft >= useful:
        return plan
    with contextlib.suppress(ValueError, OSError):
        soft = useful if hard == infinite else min(useful, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft >= needed:
        return plan
    fitting = max(1, min(plan.concurrency, processes * ((soft - _SPARE_FILES // 2) // 2)))
    if fitting < plan.concurrency:
        say(
            f"crawl: concurrency {fitting} instead of {plan.concurrency}: only {soft} files may be"
            f" open (ulimit -n {needed} allows it)"
        )
    return replace(plan, concurrency=fitting)

"""What `crawl swarm` does: many clients talk to an echo server and check every reply.

Exit codes: 0 every reply was right; 1 some were wrong or missing; 2 usage; 3 no connection at all,
or our own side ran out of descriptors; 130 interrupted. Read beside it: dialogue.py.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from crawler import swarm_selectors, swarm_threads
from crawler.errors import ConfigError, LocalError
from crawler.safety import safe_text
from crawler.server_child import MODELS, server

if TYPE_CHECKING:
    from crawler.dialogue import Plan, Swarm

WAYS = {"selectors": swarm_selectors.swarm, "threads": swarm_threads.swarm}


def show(where: str, plan: Plan, *, by: str, model: str, as_json: bool) -> int:
    """Run the swarm and print what it saw; the exit code. Raises ConfigError on wrong usage."""
    _check(plan, by=by, model=model)
    with contextlib.ExitStack() as stack:
        if where:
            host, port = _address(where)
        else:
            child = stack.enter_context(server(model, "echo"))
            host, port = child.host, child.port
        try:
            seen = WAYS[by](host, port, plan)
        except LocalError as error:
            sys.stderr.write(f"crawl: {error}\n")
            return 3
        except OSError as error:  # the name gave no address
            sys.stderr.write(f"crawl: {safe_text(host)}: {error.strerror}\n")
            return 3
    sys.stdout.write(_line(seen) if as_json else text(seen))
    sys.stdout.flush()
    if seen.interrupted:
        return 130
    if not seen.made:
        return 3
    return 0 if seen.clean else 1


def text(seen: Swarm) -> str:
    """The figures for a person."""
    p50, p90, p99 = (1000 * second for second in seen.latency)
    missing = f"{seen.missing} missing"
    lines = [
        f"connections {seen.made} made, {seen.refused} refused",
        f"messages    {seen.sent} sent: {seen.right} right, {seen.wrong} wrong, {missing}",
        f"wall        {seen.wall:.2f} s, {seen.rate:.0f} messages/s",
        f"latency     p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms",
    ]
    lines += [f"stopped     {count} clients: {safe_text(why)}" for why, count in seen.reasons]
    if seen.interrupted:
        lines.append("interrupted: what was not answered by then is missing")
    return "\n".join(lines) + "\n"


def _line(seen: Swarm) -> str:
    return json.dumps({**asdict(seen), "reasons": dict(seen.reasons), "rate": seen.rate}) + "\n"


def _check(plan: Plan, *, by: str, model: str) -> None:
    for name in ("clients", "messages", "size"):
        if getattr(plan, name) < 1:
            raise ConfigError(f"--{name}: must be at least 1")
    if not plan.timeout > 0 or plan.timeout == float("inf"):
        raise ConfigError("--timeout: must be more than 0 seconds")
    if not 0 <= plan.hold < float("inf"):
        raise ConfigError("--hold: must be 0 seconds or more")
    if by not in WAYS:
        raise ConfigError(f"--by: {by!r} is none of {', '.join(WAYS)}")
    if model not in MODELS:
        raise ConfigError(f"--model: {model!r} is none of {', '.join(MODELS)}")


def _address(where: str) -> tuple[str, int]:
    host, _, port = where.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) < 65536:
        raise ConfigError(f"{where!r} is no HOST:PORT")
    return host.strip("[]"), int(port)

"""What `crawl plan urls.txt` does: a crawl without its pages.

    input ──► hosts, URLs of each ──► robots.txt of each ──► input once more: verdicts ──► forecast

Only robots.txt is fetched. The input is read twice, so stdin is kept in a file meanwhile.
Read beside it: forecast.py (how long it takes), planning.py (from settings to values).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from crawler import reading, report, robots
from crawler.fetching import fetch_all
from crawler.forecast import Forecast, Host
from crawler.frontier.opening import may_be_public
from crawler.frontier.seen import Seen
from crawler.model import Failure, Purpose, Request, Response
from crawler.pace import Pace
from crawler.planning import (
    inputs_of,
    is_public_of,
    plan_of,
    politeness_of,
    reading_of,
    template_of,
)
from crawler.robots import MOST_DELAY
from crawler.safety import safe_text
from crawler.stats import DUPLICATE, INVALID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crawler.config import Settings
    from crawler.plan import Plan
    from crawler.robots import Rules

_ENGINE = "selectors"  # it needs no patched process
_SHOWN = 20  # hosts
_AT_ONCE = 50  # robots.txt, of different hosts
_TIMEOUT = 15.0  # seconds for one of them


def plan(settings: Settings, *, hosts: int = _SHOWN) -> Iterator[str]:
    """The plan, line by line.

    Args:
        settings: of the crawl.
        hosts: so many are shown, those that take longest first.

    Raises:
        ConfigError, InputError: as for the crawl itself.
    """
    chosen = plan_of(settings)
    inputs = inputs_of(settings)
    reading.check(inputs)
    with contextlib.ExitStack() as stack:
        kept = tuple(_kept(name, stack) for name in inputs)
        template = template_of(settings)

        def requests() -> Iterator[Request]:
            for entry in reading_of(settings, kept, template, Seen()):
                if isinstance(entry, Request):
                    yield entry

        counts: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        for entry in reading_of(settings, kept, template, Seen()):
            if isinstance(entry, Request):
                counts[entry.origin] += 1
            elif isinstance(entry, Failure):
                left_out[entry.code] += 1
        rules = _rules(settings, chosen, list(counts))
        disallowed: Counter[str] = Counter()
        for request in requests():
            known = rules[request.origin].rules
            if known is not None and not known.verdict(request.url).allowed:
                disallowed[request.origin] += 1
    found = [
        _host(settings, origin, counts[origin], disallowed[origin], rules[origin])
        for origin in counts
    ]
    found.sort(key=lambda host: (-host.seconds, -host.urls, host.origin))
    forecast = Forecast(tuple(found), chosen.concurrency, chosen.rate)
    yield from _lines(forecast, left_out, hosts=hosts)


class _Asked:
    """What a host's robots.txt came to."""

    __slots__ = ("latency", "rules", "said")

    def __init__(self, rules: Rules | None, said: str, latency: float) -> None:
        self.rules = rules
        self.said = said
        self.latency = latency


def _rules(settings: Settings, chosen: Plan, origins: list[str]) -> dict[str, _Asked]:
    if settings.text("robots") != "obey":
        return {origin: _Asked(robots.ALLOW_ALL, "not asked", 0.0) for origin in origins}
    fields = template_of(settings).headers
    asked = [Request(f"{origin}/robots.txt", fields, purpose=Purpose.ROBOTS) for origin in origins]
    limits = replace(chosen.limits, timeout=min(chosen.limits.timeout, _TIMEOUT), retries=0)
    found: dict[str, _Asked] = {}
    for outcome in fetch_all(
        asked, engine=_ENGINE, concurrency=_AT_ONCE, limits=limits, follow=5,
        network=chosen.network,
    ):  # fmt: skip
        request = outcome.request
        first = request.via[0] if request.via else request.url
        learnt = robots.judge(outcome, chosen.agent)
        said = outcome.code if isinstance(outcome, Failure) else str(outcome.status)
        latency = outcome.timing.first_byte if isinstance(outcome, Response) else 0.0
        found[first.removesuffix("/robots.txt")] = _Asked(learnt.rules, said, latency)
    return found


def _host(settings: Settings, origin: str, urls: int, disallowed: int, asked: _Asked) -> Host:
    politeness = politeness_of(settings)
    is_public = may_be_public(origin, is_public_of(settings))
    pace = Pace(politeness, is_public=is_public)
    rules = asked.rules if asked.rules is not None or is_public else robots.ALLOW_ALL
    delay = rules.delay if rules is not None and politeness.crawl_delay else 0.0
    return Host(
        origin,
        urls,
        disallowed=disallowed,
        robots=asked.said,
        pause=max(min(delay, MOST_DELAY), politeness.delay),
        window=politeness.per_host or (pace.window if is_public else politeness.concurrency),
        latency=asked.latency,
        unreachable=rules is None,
    )


def _lines(forecast: Forecast, left_out: Mapping[str, int], *, hosts: int) -> Iterator[str]:
    shown = forecast.hosts[:hosts]
    yield f"{'URLs':>9} {'allowed':>9} {'pause':>7} {'robots':>12} {'at least':>9}  host"
    for host in shown:
        pause = f"{host.pause:g} s" if host.pause else "-"
        time = "never" if host.unreachable else report.human_time(host.seconds)
        yield (
            f"{host.urls:>9,} {host.allowed:>9,} {pause:>7} {safe_text(host.robots):>12}"
            f" {time:>9}  {safe_text(host.origin)}"
        )
    if len(forecast.hosts) > len(shown):
        yield f"{'':>50}  and {len(forecast.hosts) - len(shown):,} more (--hosts N shows more)"
    yield ""
    refused = forecast.urls - forecast.allowed
    yield (
        f"{report.counted(forecast.urls, 'URL')} of {report.counted(len(forecast.hosts), 'host')}"
        + (f", {refused:,} of them not to be fetched" if refused else "")
        + "".join(
            f"; {report.counted(number, 'line')} {noun}"
            for noun, number in (
                ("that stood there before", left_out.get(DUPLICATE, 0)),
                ("that cannot be a URL", left_out.get(INVALID, 0)),
            )
            if number
        )
    )
    slowest = forecast.slowest
    reason = f"{forecast.concurrency} at once"
    if slowest is not None and slowest.pause:
        reason = (
            f"{safe_text(slowest.origin)}: {slowest.allowed:,} URLs with {slowest.pause:g} s"
            " between them (--crawl-delay ignore overrides)"
        )
    elif slowest is not None:
        reason = f"{safe_text(slowest.origin)}: {slowest.allowed:,} URLs, {slowest.window} at once"
    yield f"at least {report.human_time(forecast.seconds)}, by {reason}"


def _kept(name: str, stack: contextlib.ExitStack) -> str:
    """A name under which the input can be read twice."""
    if name != "-" and (reading.is_url(name) or os.path.isfile(name)):  # noqa: PTH113
        return name
    file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="crawl-"))  # noqa: SIM115 - entered
    if name == "-":
        shutil.copyfileobj(sys.stdin.buffer, file)
    else:
        with open(name, "rb") as pipe:  # noqa: PTH123 - a FIFO
            shutil.copyfileobj(pipe, file)
    file.flush()
    return file.name

"""When not to believe a comparison: every reason for doubt, in one sentence, with its figure.

Thresholds are where the figure stops being noise of an idle machine with two processors. A doubt
does not take a run away: the table stays, and the reader knows.
Read beside it: comparison.py (what a run holds), tables.py (where the sentences appear).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.comparison import is_sequential, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crawler.comparison import Difference, Run, Summary

_SPREAD = 1.3  # slowest by fastest run; five runs on an idle machine stay below 1.15
_FIRST = 1.3  # first run by the median of the others
_NOTHING = 1e-9  # seconds: what a file that was made by hand may say of a run
_SHORT = 0.05  # seconds; opening an engine and a scheduler's slice are a visible share below it
_CLIENT = 0.9  # processors
_OTHERS = 0.3  # processors others kept busy before a run
_SERVER = 0.85  # processors others kept busy during a run


class Doubt(enum.Enum):
    """A reason not to trust a figure: a sentence, and how its figure is written."""

    BODIES_DIFFER = ("not every engine got the same answer, see below; URLs: {each}", "{:.0f}")
    FAILURES = ("a run with failures did other work than one without; failed: {each}", "{:.0f}")
    SPREAD = ("the machine or the network is not quiet; slowest run by fastest: {each}", "{:.1f}x")
    FIRST_SLOW = (
        "something was cold, a cache or a name; first run by the others: {each}",
        "{:.1f}x",
    )
    TOO_SHORT = ("too short to tell engines apart, use more URLs: {each}", "{:.3f} s")
    CLIENT_BOUND = (
        "the client's own work is measured here, not its waiting; processor busy: {each}",
        "{:.0%}",
    )
    OTHER_LOAD = ("other programs kept processors busy before the runs of {each}", "({:.1f})")
    SERVER_BOUND = (
        "others worked meanwhile; if it was the server, its limit was met: {each}",
        "{:.1f}",
    )
    DISTURBED = (
        "runs were set aside and repeated because others kept the machine busy: {each}",
        "{:.0f}",
    )
    ONE_RUN = ("ran once, so its spread is not known: {each}", "")
    NO_SEQUENTIAL = ("no sequential engine ran, so there is no speed-up", "")


@dataclass(frozen=True, slots=True)
class Finding:
    """A doubt about one engine, or about all when `engine` is empty."""

    doubt: Doubt
    engine: str
    figure: float


def sentences(findings: Sequence[Finding]) -> list[str]:
    """One sentence for each doubt, with all engines it is about."""
    each: dict[Doubt, dict[str, None]] = {}  # in their order, each once
    for finding in findings:
        figure = finding.doubt.value[1].format(finding.figure)
        each.setdefault(finding.doubt, {})[f"{finding.engine} {figure}".strip()] = None
    return [doubt.value[0].format(each=", ".join(named)) for doubt, named in each.items()]


def doubts(
    runs: Sequence[Run], differing: Sequence[Difference] = (), disturbed: Sequence[Run] = ()
) -> list[Finding]:
    """What speaks against the figures of these runs; the gravest first.

    Args:
        runs: those that count.
        differing: URLs that did not give every engine the same.
        disturbed: runs that were set aside.
    """
    found = []
    if differing:
        found.append(Finding(Doubt.BODIES_DIFFER, "", len(differing)))
    if disturbed:
        found.append(Finding(Doubt.DISTURBED, "", len(disturbed)))
    summaries = summarise(runs)
    swept = len({summary.engine for summary in summaries}) < len(summaries)
    for summary in summaries:
        name = f"{summary.engine} at {summary.concurrency}" if swept else summary.engine
        of = [
            run
            for run in runs
            if (run.engine, run.concurrency) == (summary.engine, summary.concurrency)
        ]
        found += [
            Finding(doubt, name, figure)
            for doubt, figure_of, least in _RULES
            for figure in (figure_of(summary, of),)
            if figure > least
        ]
        if summary.wall < _SHORT:
            found.append(Finding(Doubt.TOO_SHORT, name, summary.wall))
    found += _too_few(summaries)
    order = list(Doubt)
    return sorted(found, key=lambda finding: order.index(finding.doubt))


def _too_few(summaries: list[Summary]) -> Iterator[Finding]:
    most = max((summary.runs for summary in summaries), default=0)
    for summary in summaries:
        # A slow sequential engine beside repeated others runs once by rule, and its table says so.
        if summary.runs == 1 and (most == 1 or not is_sequential(summary.engine)):
            yield Finding(Doubt.ONE_RUN, summary.engine, 1)
    if not any(is_sequential(summary.engine) for summary in summaries):
        yield Finding(Doubt.NO_SEQUENTIAL, "", 0)


def _first_slow(summary: Summary, runs: list[Run]) -> float:
    others = sorted(run.wall for run in runs[1:])
    return runs[0].wall / (others[len(others) // 2] or _NOTHING) if len(others) > 1 else 0.0


def _spread(summary: Summary, runs: list[Run]) -> float:
    return summary.slowest / (summary.fastest or _NOTHING)


def _failures(summary: Summary, runs: list[Run]) -> float:
    return summary.failed


def _client(summary: Summary, runs: list[Run]) -> float:
    if summary.engine == "nonblocking":
        return 0.0  # it never waits: that is what it shows
    return sorted(run.cpu / (run.wall or _NOTHING) for run in runs)[len(runs) // 2]


def _others(summary: Summary, runs: list[Run]) -> float:
    return sorted(run.load_before for run in runs)[len(runs) // 2]


def _server(summary: Summary, runs: list[Run]) -> float:
    # With a load there before the run, nothing can be said about the server.
    beside = sorted(run.load_beside for run in runs)[len(runs) // 2]
    return beside if _others(summary, runs) <= _OTHERS else 0.0


_RULES: tuple[tuple[Doubt, Callable[[Summary, list[Run]], float], float], ...] = (
    (Doubt.FAILURES, _failures, 0),
    (Doubt.SPREAD, _spread, _SPREAD),
    (Doubt.FIRST_SLOW, _first_slow, _FIRST),
    (Doubt.CLIENT_BOUND, _client, _CLIENT),
    (Doubt.OTHER_LOAD, _others, _OTHERS),
    (Doubt.SERVER_BOUND, _server, _SERVER),
)

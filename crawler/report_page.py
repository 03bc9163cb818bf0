"""A comparison as one HTML page that works from disk: no network, no script, light and dark.

    page(comparison) ──► what was compared, the table, bars, timelines, the sweep, the doubts

Everything in it is text and boxes; figures.py draws them, report_page.css has the colours. What
comes from outside (URLs, error codes, host names) is escaped where it is put in.
Read beside it: comparison.py (the values), tables.py (the same for a terminal).
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from crawler import engines, figures
from crawler.comparison import enough, is_sequential
from crawler.doubts import doubts, sentences
from crawler.explaining import explanations
from crawler.figures import Bar, Line, Span, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from crawler.comparison import Comparison, Run, Stretch, Summary

# The five ways a program can wait (Stevens, UNIX Network Programming, volume 1, 6.2), and one that
# is not the kernel's: coroutines, which are text that looks blocking on top of multiplexing.
_FAMILIES = {
    "blocking": ("blocking", ("sequential", "threads", "processes")),
    "coroutines": ("coroutines", ("generators", "greenlets", "gevent", "asyncio")),
    "asking": ("non-blocking, asked over and over", ("nonblocking",)),
    "multiplexing": ("multiplexing", ("select", "poll", "epoll", "selectors")),
    "signal": ("signal-driven", ("sigio",)),
    "completion": ("asynchronous, by completion", ("uring",)),
}
_PHASES = (
    ("dns", "looking up the address"),
    ("connect", "connecting"),
    ("tls", "agreeing on keys"),
    ("wait", "waiting for the first byte"),
    ("receive", "receiving the rest"),
)


def page(comparison: Comparison) -> str:
    """The whole page."""
    summaries = comparison.summaries()
    parts = [_top(comparison, summaries)]
    if comparison.is_sweep:
        parts.append(_sweep(summaries))
    parts += [
        _table(summaries, sweep=comparison.is_sweep),
        "" if comparison.is_sweep else _bars(comparison, summaries),
        _timelines(comparison, summaries),
        _trust(comparison),
    ]
    style = (files("crawler") / "report_page.css").read_text(encoding="utf-8")
    title = text(f"{comparison.what}: what each way of waiting costs")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body>\n</html>\n"
    )


def _family(engine: str) -> str:
    """The class of an engine's colour."""
    name = engine.partition("+")[0]
    return next((kind for kind, (_, names) in _FAMILIES.items() if name in names), "plain")


def _top(comparison: Comparison, summaries: Sequence[Summary]) -> str:
    said = explanations(summaries) if not comparison.is_sweep else []
    sights = "".join(f"<p>{text(_sentence(one))}</p>\n" for one in said)
    return (
        "<header>\n<p class='soft'>crawl compare</p>\n"
        f"<h1>{text(comparison.what)}</h1>\n{sights}"
        f"<pre>$ {text(comparison.command)}</pre>\n"
        f"<p class='soft'>{text(comparison.machine)}. {text(comparison.when)}</p>\n</header>"
    )


def _table(summaries: Sequence[Summary], *, sweep: bool) -> str:
    columns: list[tuple[str, Callable[[Summary], str]]] = [
        ("wall", lambda one: _seconds(one.wall)),
        ("times sequential", lambda one: f"{one.speedup:.1f}" if one.speedup else "-"),
        ("pages/s", lambda one: f"{one.throughput:,.0f}"),
        ("p50", lambda one: _seconds(one.latency[0])),
        ("p99", lambda one: _seconds(one.latency[2])),
        ("CPU user", lambda one: _seconds(one.user)),
        ("CPU system", lambda one: _seconds(one.system)),
        ("peak memory", lambda one: _bytes(one.rss_bytes)),
        ("start-up", lambda one: _seconds(one.start_up)),
        ("ok", lambda one: str(one.ok)),
        ("failed", lambda one: str(one.failed)),
    ]
    if sweep:
        columns.insert(0, ("at once", lambda one: str(one.concurrency)))
    head = "".join(f'<th scope="col">{text(name)}</th>' for name, _ in columns)
    rows = "\n".join(
        f'<tr><th scope="row"><span class="mark {_family(one.engine)}"></span>{text(one.engine)}'
        f"</th>{''.join(f'<td>{text(cell(one))}</td>' for _, cell in columns)}</tr>"
        for one in summaries
    )
    most = max((one.runs for one in summaries), default=0)
    keys = "".join(
        f'<li><span class="mark {kind}"></span>{text(what)}</li>'
        for kind, (what, _) in _FAMILIES.items()
        if any(_family(one.engine) == kind for one in summaries)
    )
    return (
        "<section>\n<h2>The table</h2>\n"
        f"<p class='soft'>Medians of {most} run{'s' if most != 1 else ''}. Wall is the time from"
        " the first request to the last outcome; start-up, the time to open the engine, is apart."
        " Memory is the peak of the whole process.</p>\n"
        f'<div class="wide" tabindex="0"><table>\n<thead><tr><th scope="col">engine</th>{head}</tr>'
        f'</thead>\n<tbody>\n{rows}\n</tbody></table></div>\n<ul class="legend">{keys}</ul>\n'
        "</section>"
    )


def _bars(comparison: Comparison, summaries: Sequence[Summary]) -> str:
    wall = [
        Bar(one.engine, ((_family(one.engine), one.wall),), one.fastest, one.slowest)
        for one in summaries
    ]
    cpu = [
        Bar(one.engine, (("user", one.user), ("system", one.system)), one.cpu_low, one.cpu_high)
        for one in summaries
    ]
    memory = [
        Bar(one.engine, (("plain", float(one.rss_bytes)),), one.rss_low, one.rss_high)
        for one in summaries
    ]
    return (
        "<section>\n<h2>Time</h2>\n"
        "<p class='soft'>The thin line is the spread of the runs.</p>\n"
        + figures.bars("wall time", wall, _seconds)
        + "\n<h2>Processor</h2>\n"
        + _keys((("user", "user"), ("system", "system, the kernel on its behalf")))
        + figures.bars("CPU time, user and system", cpu, _seconds)
        + "\n<h2>Memory</h2>\n"
        + figures.bars("peak resident memory", memory, _bytes)
        + _kernel(comparison, summaries)
        + "\n</section>"
    )


def _kernel(comparison: Comparison, summaries: Sequence[Summary]) -> str:
    """How often the kernel was entered and the processor given up."""
    switches = [
        Bar(
            one.engine,
            (("plain", float(one.voluntary)), ("involuntary", float(one.involuntary))),
            0.0,
            0.0,
        )
        for one in summaries
    ]
    calls = [
        Bar(one.engine, (("plain", float(one.syscalls)),), 0.0, 0.0)
        for one in summaries
        if one.syscalls is not None
    ]
    counted = ""
    if calls:
        counted = (
            f"<p class='soft'>Counted by {text(comparison.counted_by)} in a run of its own, whose"
            " time is not used. A traced call is slow: nonblocking asks far less often then.</p>\n"
        )
    if comparison.uncounted:
        counted += f"<p>System calls were not counted: {text(comparison.uncounted)}.</p>\n"
    counted += figures.bars("system calls", calls, _count)
    return (
        "\n<h2>The kernel</h2>\n"
        + _keys(
            (("plain", "voluntary: it waited"), ("involuntary", "involuntary: it was made to stop"))
        )
        + figures.bars("context switches", switches, _count)
        + counted
    )


def _timelines(comparison: Comparison, summaries: Sequence[Summary]) -> str:
    order = {(one.engine, one.concurrency): place for place, one in enumerate(summaries)}
    shown = sorted(
        (run for run in comparison.runs if run.timeline),
        key=lambda run: order[run.engine, run.concurrency],
    )
    if not shown:
        return ""
    keys = "".join(
        f'<li><span class="mark {kind}"></span>{text(what)}</li>' for kind, what in _PHASES
    )
    # One of each kind is open: the contrast is the point.
    first = {is_sequential(run.engine): run for run in reversed(shown)}
    drawn = "\n".join(_timeline(run, is_open=run in first.values()) for run in shown)
    return (
        "<section>\n<h2>Who waits for what</h2>\n"
        "<p>One line for each fetch, from its begin to its end; the first on top. Each engine has"
        " an axis of its own: look at its last number.</p>\n"
        f'<ul class="legend">{keys}</ul>\n{drawn}\n</section>'
    )


def _timeline(run: Run, *, is_open: bool) -> str:
    spans = [_span(stretch) for stretch in run.timeline]
    entry = engines.TABLE.get(run.engine.partition("+")[0])
    lasted = sum(seconds for span in spans for _, seconds in span.phases)
    waited = sum(stretch.wait for stretch in run.timeline)
    share = f"; {waited / lasted:.0%} of the fetches' time is waiting" if lasted > 0 else ""
    left_out = run.ok + run.failed - len(spans)
    cut = f", the first {len(spans)}" if left_out > 0 else ""
    at_once = f" at {run.concurrency} at once" if run.concurrency > 1 else ""
    end = max((stretch.began + _length(stretch) for stretch in run.timeline), default=0.0)
    return (
        f"<details{' open' if is_open else ''}><summary><h3>{text(run.engine)}</h3>"
        f" <span class='soft'>{text(_seconds(run.wall))}{text(at_once)}{text(cut)}, at most"
        f" {_peak(spans)} under way{text(share)}</span></summary>\n"
        f"<p class='soft'>{text(entry.model if entry else '')}</p>\n"
        f"{figures.timeline(run.engine, spans, max(end, run.wall), _seconds)}</details>"
    )


def _span(stretch: Stretch) -> Span:
    return Span(
        stretch.began,
        tuple((kind, float(getattr(stretch, kind))) for kind, _ in _PHASES),
    )


def _length(stretch: Stretch) -> float:
    return stretch.dns + stretch.connect + stretch.tls + stretch.wait + stretch.receive


def _peak(spans: Iterable[Span]) -> int:
    """The most that were under way at one instant."""
    changes: list[tuple[float, int]] = []
    for span in spans:
        changes.append((span.began, 1))
        changes.append((span.began + sum(seconds for _, seconds in span.phases), -1))
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _sweep(summaries: Sequence[Summary]) -> str:
    by_engine: dict[str, list[Summary]] = {}
    for one in summaries:
        by_engine.setdefault(one.engine, []).append(one)

    def series(value: Callable[[Summary], float]) -> list[Line]:
        return [
            Line(
                engine,
                _family(engine),
                tuple((float(one.concurrency), value(one)) for one in points),
                float(enough(points)),
            )
            for engine, points in by_engine.items()
            if not is_sequential(engine)
        ]

    said = "".join(
        f"<li>{text(engine)}: {enough(points)} at once</li>"
        for engine, points in by_engine.items()
        if not is_sequential(engine)
    )
    return (
        "<section>\n<h2>How many at once</h2>\n"
        "<p>Pages a second and how long a page took, against the concurrency. The ring is the"
        " point from which more at once stops helping: nine tenths of the best rate are"
        " reached.</p>\n"
        + figures.lines("pages a second", series(lambda one: one.throughput), _count)
        + figures.lines("p50 of a fetch", series(lambda one: one.latency[0]), _seconds)
        + figures.lines("p99 of a fetch", series(lambda one: one.latency[2]), _seconds)
        + f"<p>Enough is:</p>\n<ul>{said}</ul>\n</section>"
    )


def _trust(comparison: Comparison) -> str:
    """What was done to be fair, what speaks against the figures, and on which machine."""
    found = sentences(doubts(comparison.runs, comparison.differences, comparison.disturbed))
    doubtful = "".join(f"<li>{text(sentence)}</li>\n" for sentence in found)
    absent = "".join(
        f"<li>{text(engine)} is not in it: {text(reason)}</li>\n"
        for engine, reason in comparison.absent
    )
    differing = "".join(
        f"<li>{text(one.url)}: "
        + "; ".join(f"{text(engine)} {text(answer[:16])}" for engine, answer in one.answers)
        + "</li>\n"
        for one in comparison.differences[:20]
    )
    versions = "".join(
        f"<dt>{text(name)}</dt><dd>{text(version)}</dd>" for name, version in comparison.versions
    )
    return (
        "<section>\n<h2>Doubts</h2>\n"
        + (f'<ul class="doubts">{doubtful}</ul>\n' if doubtful else "<p>None were found.</p>\n")
        + (f'<ul class="notes">{absent}</ul>\n' if absent else "")
        + (f"<h2>Different answers</h2>\n<ul class='notes'>{differing}</ul>\n" if differing else "")
        + "<h2>How it was measured</h2>\n"
        "<p>Every run has an interpreter of its own; imports and one fetch that warms it up lie"
        " before the clock. Engines take turns in an order that is drawn anew for each round."
        " Parser, limits, TLS and keep-alive are the same for all; connections are opened within"
        " the clock.</p>\n"
        f"<dl><dt>machine</dt><dd>{text(comparison.machine)}</dd>{versions}"
        f"<dt>when</dt><dd>{text(comparison.when)}</dd>"
        f"<dt>hosts</dt><dd>{text(', '.join(comparison.hosts))}</dd>"
        f"<dt>runs</dt><dd>{len(comparison.runs)}, and {len(comparison.disturbed)} set aside as"
        " disturbed</dd></dl>\n</section>"
    )


def _sentence(words: str) -> str:
    """The words with a capital where it is none of a name's, and with their full stop."""
    first = words.partition(" ")[0]
    return f"{words if first in engines.names() else words[0].upper() + words[1:]}."


def _keys(keys: Iterable[tuple[str, str]]) -> str:
    inner = "".join(
        f'<li><span class="mark {kind}"></span>{text(what)}</li>' for kind, what in keys
    )
    return f'<ul class="legend">{inner}</ul>\n'


def _seconds(value: float) -> str:
    if value >= 10:
        return f"{value:.1f} s"
    if value >= 0.1:
        return f"{value:.2f} s"
    return f"{value * 1000:.1f} ms" if value else "0 s"


def _bytes(value: float) -> str:
    return f"{value / 1024 / 1024:.1f} MiB"


def _count(value: float) -> str:
    return f"{value:,.0f}"

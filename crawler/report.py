"""What people read: one line per URL, the progress line, the summary. Pure functions.

Every string that came from outside passes `safe_text`, so that no server can write to the terminal
what it likes. Read beside it: console.py, which shows these; tables.py, the table of engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.model import Failure, Response, Skip
from crawler.safety import safe_text
from crawler.sinks.record import fault

if TYPE_CHECKING:
    from crawler.model import Final
    from crawler.stats import Percentiles, Snapshot

_SHOWN_CODES = 12  # in the summary; the rest is counted together
_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_NEVER_ASKED = frozenset({"url.invalid", "url.duplicate"})


def line(outcome: Final, *, colour: bool = False) -> str:
    """One URL: status, bytes, time, URL, and what went wrong."""
    code, said = fault(outcome)
    reply = _reply(outcome)
    status = str(reply.status) if reply is not None else "---"
    size = human_size(len(reply.raw)) if reply is not None else "-"
    url = outcome.request.url or getattr(outcome.request, "text", "")
    time = "-" if isinstance(outcome, Skip) else human_duration(outcome.elapsed)
    text = f"{status:>3} {size:>9} {time:>9}  {safe_text(url)}"
    if not code:
        return text
    text = f"{text}  {safe_text(code)}"
    if not isinstance(outcome, Response) and said and code not in _NEVER_ASKED:
        text = f"{text}: {safe_text(said)}"
    if colour:
        asked = code not in _NEVER_ASKED and not isinstance(outcome, Skip)
        return f"{_RED if asked else _YELLOW}{text}{_PLAIN}"
    return text


def progress(
    snapshot: Snapshot, *, under_way: int, read: float | None, resting: int = 0, why: str = ""
) -> str:
    """One line on how far the run is.

    Args:
        snapshot: the run now.
        under_way: exchanges begun and not ended.
        read: share of the input that was read, where its size is known.
        resting: hosts with something to do that rest.
        why: what the host rests for that is due first.
    """
    done = snapshot.fetched + snapshot.failed
    parts = [
        f"{done:,} done",
        f"{snapshot.failed:,} failed",
        f"{under_way:,} under way",
        f"{snapshot.pages_per_second:,.0f}/s",
    ]
    queued = snapshot.unfinished - under_way
    if queued > 0:
        parts.insert(3, f"{queued:,} queued")
    if resting:
        noun = "host rests" if resting == 1 else "hosts rest"
        parts.append(f"{resting:,} {noun} ({why})" if why else f"{resting:,} {noun}")
    if snapshot.elapsed > 0:
        parts.append(f"{human_size(int(snapshot.body_bytes / snapshot.elapsed))}/s")
    parts.append(human_time(snapshot.elapsed))
    if snapshot.found or snapshot.resumed:
        left = snapshot.unfinished / snapshot.pages_per_second if done else 0.0
        parts.append(f"ETA {human_time(left)} for what is known" if left else "")
    elif read is not None and snapshot.lines:
        # The input is read ahead of the outcomes: what was read counts as far as it is done.
        share = read * (snapshot.lines - snapshot.unfinished) / snapshot.lines
        parts.append(f"{share:.0%}")
        if share > 0 and done:
            parts.append(f"ETA {human_time(snapshot.elapsed * (1 - share) / share)}")
    return "  ".join(filter(None, parts))


def counted(number: int, noun: str) -> str:
    """``1 host``, ``2,000 hosts``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def summary(snapshot: Snapshot) -> str:
    """What the run did, in seven lines at most."""
    skipped = f" + {snapshot.skipped:,} skipped" if snapshot.skipped else ""
    more = f" + {snapshot.found:,} found" if snapshot.found else ""
    if snapshot.resumed:
        more += f" + {snapshot.resumed:,} left before"
    accounts = (
        f"{snapshot.lines:,} lines{more} = {snapshot.fetched:,} fetched"
        f" + {snapshot.failed:,} failed"
        f" + {snapshot.duplicate:,} duplicate + {snapshot.invalid:,} invalid"
        f"{skipped} + {snapshot.unfinished:,} unfinished"
    )
    pace = f"{snapshot.pages_per_second:,.1f} pages/s   {human_size(snapshot.body_bytes)}"
    lines = [accounts, f"time      {human_time(snapshot.elapsed)}   {pace}"]
    if snapshot.statuses:
        lines.append("status    " + counts([(str(s), n) for s, n in snapshot.statuses]))
    if snapshot.errors:
        lines.append("errors    " + counts(list(snapshot.errors)))
    if snapshot.skips:
        lines.append("skipped   " + counts(list(snapshot.skips)))
    if snapshot.statuses:
        lines.append("latency   " + _percentiles(snapshot.latency))
        lines.append("queue     " + _percentiles(snapshot.queue))
    return "\n".join(lines)


def left_out(found: list[tuple[str, int]]) -> str:
    """The links that were not taken: (code, count), most frequent first."""
    return "left out  " + counts(found)


def summary_record(
    snapshot: Snapshot, *, engine: str, concurrency: int, code: int, stopped: str
) -> dict[str, object]:
    """The summary as a value for JSON: the accounts, the counts, the percentiles in seconds."""
    return {
        "lines": snapshot.lines,
        "found": snapshot.found,
        "resumed": snapshot.resumed,
        "fetched": snapshot.fetched,
        "failed": snapshot.failed,
        "duplicate": snapshot.duplicate,
        "invalid": snapshot.invalid,
        "skipped": snapshot.skipped,
        "unfinished": snapshot.unfinished,
        "exit_code": code,
        "stopped": stopped or None,
        "engine": engine,
        "concurrency": concurrency,
        "elapsed": round(snapshot.elapsed, 6),
        "pages_per_second": round(snapshot.pages_per_second, 3),
        "bytes": snapshot.body_bytes,
        "statuses": {str(status): number for status, number in snapshot.statuses},
        "errors": dict(snapshot.errors),
        "skips": dict(snapshot.skips),
        "latency": _rounded(snapshot.latency),
        "queue": _rounded(snapshot.queue),
    }


def _reply(outcome: Final) -> Response | None:
    if isinstance(outcome, Failure):
        return outcome.error.partial
    return outcome if isinstance(outcome, Response) else None


def human_size(size: int) -> str:
    """Bytes as people read them: ``999 B``, ``1.5 kB``, ``12.3 MB``."""
    if size < 1000:
        return f"{size} B"
    value = float(size)
    unit = "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one is used
        value /= 1000
        if value < 999.95:
            break
    return f"{value:,.1f} {unit}"


def human_time(seconds: float) -> str:
    """Seconds as people read them: ``3.2 s``, ``2:05``, ``1:02:05``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def human_duration(seconds: float) -> str:
    """The time of one exchange as people read it: ``0.4 ms``, ``105.6 ms``, ``2.31 s``."""
    return f"{seconds * 1000:.1f} ms" if seconds < 0.99995 else f"{seconds:.2f} s"


def counts(found: list[tuple[str, int]]) -> str:
    """Words and how often they came, as one line; the first dozen of them."""
    parts = [f"{safe_text(word)}: {number:,}" for word, number in found[:_SHOWN_CODES]]
    if len(found) > _SHOWN_CODES:
        parts.append(f"others: {sum(number for _, number in found[_SHOWN_CODES:]):,}")
    return "   ".join(parts)


def _percentiles(times: Percentiles) -> str:
    return (
        f"p50 {human_duration(times.p50)}   p90 {human_duration(times.p90)}"
        f"   p99 {human_duration(times.p99)}   max {human_duration(times.most)}"
    )


def _rounded(times: Percentiles) -> dict[str, float]:
    return {
        "p50": round(times.p50, 6),
        "p90": round(times.p90, 6),
        "p99": round(times.p99, 6),
        "max": round(times.most, 6),
    }

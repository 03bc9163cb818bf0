"""The values of a comparison of servers: runs, what they come to, how they are shown. Pure.

    server      clients   wall (median of 3)       cpu   user   system   peak rss   ok   errors
    epoll           100    0.09 s (0.08-0.10)   0.03 s    ...

Read beside it: server_comparing.py makes the runs.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPREAD = 1.5  # times: slowest against fastest run of one server
_BOUND = 0.9  # of the wall: the client's thread was busy all along
_SHORT = 0.1  # seconds; /proc counts processor time in ticks of 0.01 s
_HEADINGS = ("server", "clients", "wall", "cpu", "user", "system", "peak rss", "switches", "p50",
    "p99", "ok", "wrong", "missing", "refused")  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServerRun:
    """One server model under one load."""

    model: str
    protocol: str
    clients: int  # connections at once
    messages: int  # of each client
    wall: float  # seconds
    cpu: float  # seconds, of the server and its children, without its start
    user: float
    system: float
    rss_bytes: int  # peak
    rss_by: str  # how it was found: "VmHWM", or "Pss" of all its processes, sampled
    voluntary: int  # context switches, start left out, stop included
    involuntary: int
    ok: int  # right replies
    wrong: int
    missing: int  # messages without a reply
    refused: int  # connections that were not had
    latency: tuple[float, float]  # seconds: p50, p99 of a right reply
    client_cpu: float  # seconds, of the client: what it costs to ask
    errors: tuple[tuple[str, int], ...] = ()  # why clients stopped early, the commonest first
    repetition: int = 1  # of this model and load, from 1


@dataclass(frozen=True, slots=True)
class ServerSummary:
    """All runs of one model under one load; medians where nothing else is said."""

    model: str
    protocol: str
    clients: int
    runs: int
    wall: float  # seconds
    fastest: float
    slowest: float
    cpu: float
    cpu_low: float
    cpu_high: float
    user: float
    system: float
    rss_bytes: int
    rss_low: int
    rss_high: int
    rss_by: str
    voluntary: int
    involuntary: int
    latency: tuple[float, float]
    client_cpu: float
    ok: int  # fewest of any run
    wrong: int  # most of any run
    missing: int  # most of any run
    refused: int  # most of any run


@dataclass(frozen=True, slots=True)
class ServerComparison:
    """Everything that is known after it."""

    runs: tuple[ServerRun, ...]
    command: str = ""
    machine: str = ""
    when: str = ""  # ISO 8601, UTC
    absent: tuple[tuple[str, str], ...] = ()  # models that cannot run here, and why
    seed: int = 0  # of the order


def summaries(runs: Sequence[ServerRun]) -> list[ServerSummary]:
    """One for each load and model, the smallest load first, then the least processor time."""
    grouped: dict[tuple[str, str, int], list[ServerRun]] = {}
    for run in runs:
        grouped.setdefault((run.model, run.protocol, run.clients), []).append(run)
    return sorted(map(_summary, grouped.values()), key=lambda one: (one.clients, one.cpu))


def _summary(of: list[ServerRun]) -> ServerSummary:
    def median(name: str) -> float:
        return float(statistics.median(getattr(run, name) for run in of))

    walls, cpus = [run.wall for run in of], [run.cpu for run in of]
    sizes = [run.rss_bytes for run in of]
    p50, p99 = (statistics.median(run.latency[place] for run in of) for place in range(2))
    return ServerSummary(
        model=of[0].model,
        protocol=of[0].protocol,
        clients=of[0].clients,
        runs=len(of),
        wall=median("wall"),
        fastest=min(walls),
        slowest=max(walls),
        cpu=median("cpu"),
        cpu_low=min(cpus),
        cpu_high=max(cpus),
        user=median("user"),
        system=median("system"),
        rss_bytes=int(median("rss_bytes")),
        rss_low=min(sizes),
        rss_high=max(sizes),
        rss_by=of[0].rss_by,
        voluntary=int(median("voluntary")),
        involuntary=int(median("involuntary")),
        latency=(p50, p99),
        client_cpu=median("client_cpu"),
        ok=min(run.ok for run in of),
        wrong=max(run.wrong for run in of),
        missing=max(run.missing for run in of),
        refused=max(run.refused for run in of),
    )


def doubts(runs: Sequence[ServerRun]) -> list[str]:
    """Reasons not to trust a figure, a sentence each."""
    found = ["server and client ran on this machine and shared its processors"]
    shown = summaries(runs)
    spread = [_named(one) for one in shown if one.slowest > _SPREAD * one.fastest > 0]
    if spread:
        found.append(f"wall varies by more than {_SPREAD:g} times between runs: {_list(spread)}")
    bound = [_named(one) for one in shown if one.client_cpu > _BOUND * one.wall]
    if bound:
        found.append(f"the client was busy all along, so wall shows it alone: {_list(bound)}")
    short = [_named(one) for one in shown if one.cpu < _SHORT]
    if short:
        found.append(f"cpu is counted in steps of 10 ms and is but a few: {_list(short)}")
    failed = [_named(one) for one in shown if one.wrong or one.missing or one.refused]
    if failed:
        found.append(f"not all messages had their reply, so wall is of less work: {_list(failed)}")
    return found


def text(comparison: ServerComparison) -> str:
    """The table for a terminal, with notes and doubts under it."""
    shown = summaries(comparison.runs)
    rows = [_headings(shown), *map(_cells, shown)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    lines = [f"$ {comparison.command}", comparison.machine, ""]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    lines += [f"{kind}: {sentence}" for kind, sentence in _remarks(comparison)]
    return "\n".join(lines) + "\n"


def markdown(comparison: ServerComparison) -> str:
    """The table in Markdown."""
    shown = summaries(comparison.runs)
    rows = [_headings(shown), ("---", *("---:",) * (len(_HEADINGS) - 1)), *map(_cells, shown)]
    lines = [f"    {comparison.command}", "", comparison.machine, ""]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["", *(f"* {kind}: {sentence}" for kind, sentence in _remarks(comparison))]
    return "\n".join(lines) + "\n"


def as_csv(comparison: ServerComparison) -> str:
    """One line for each run; durations in seconds, sizes in bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [one.name for one in fields(ServerRun) if one.name not in {"latency", "errors"}]
    writer.writerow([*names, "p50", "p99"])
    for run in comparison.runs:
        writer.writerow([*(getattr(run, name) for name in names), *run.latency])
    return out.getvalue()


def as_json(comparison: ServerComparison) -> str:
    """Everything: runs, summaries, doubts."""
    document = asdict(comparison)
    document["summaries"] = [asdict(one) for one in summaries(comparison.runs)]
    document["doubts"] = doubts(comparison.runs)
    return json.dumps(document, indent=1) + "\n"


RENDERERS = {".json": as_json, ".md": markdown, ".csv": as_csv}


def _headings(shown: Sequence[ServerSummary]) -> tuple[str, ...]:
    most = max((one.runs for one in shown), default=1)
    wall = f"wall (median of {most})" if most > 1 else "wall"
    return (*_HEADINGS[:2], wall, *_HEADINGS[3:])


def _cells(one: ServerSummary) -> tuple[str, ...]:
    wall = f"{one.wall:.2f} s"
    if one.runs > 1:
        wall += f" ({one.fastest:.2f}-{one.slowest:.2f})"
    return (
        one.model,
        str(one.clients),
        wall,
        f"{one.cpu:.2f} s",
        f"{one.user:.2f} s",
        f"{one.system:.2f} s",
        f"{one.rss_bytes / 1024 / 1024:.1f} MiB",
        str(one.voluntary + one.involuntary),
        f"{one.latency[0] * 1000:.1f} ms",
        f"{one.latency[1] * 1000:.1f} ms",
        str(one.ok),
        str(one.wrong),
        str(one.missing),
        str(one.refused),
    )


def _remarks(comparison: ServerComparison) -> list[tuple[str, str]]:
    found = [("note", f"{model} cannot run here: {why}") for model, why in comparison.absent]
    sampled = list(dict.fromkeys(run.model for run in comparison.runs if run.rss_by == "Pss"))
    found.append(
        ("note", "peak rss is the kernel's own peak of the process (VmHWM)"
         + (f"; of {_list(sampled)} the Pss of all its processes, sampled" if sampled else ""))
    )  # fmt: skip
    for (model, clients), run in {(run.model, run.clients): run for run in comparison.runs
                                  if run.errors}.items():  # fmt: skip
        why = ", ".join(f"{reason} {count}" for reason, count in run.errors)
        found.append(("note", f"clients that stopped early, {model} with {clients}: {why}"))
    return found + [("doubt", sentence) for sentence in doubts(comparison.runs)]


def _named(one: ServerSummary) -> str:
    return f"{one.model} ({one.clients})"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)

"""What the figures of a comparison say, in sentences: who waits how, and what that costs. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.comparison import is_sequential

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crawler.comparison import Summary

_TELLING = 2.0  # times as much: less is not worth a sentence
_AS_QUICK = 1.1  # times the quickest
_LEAST = 0.01  # seconds of processor time that the kernel's ticks can tell


def explanations(summaries: Sequence[Summary]) -> list[str]:
    """Sentences, the most telling first; none where the runs do not allow any."""
    return [*_waiting(summaries), *_asking(summaries), *_costs(summaries), *_memory(summaries)]


def _waiting(summaries: Sequence[Summary]) -> Iterator[str]:
    base = next((one for one in summaries if is_sequential(one.engine)), None)
    others = [one for one in summaries if not is_sequential(one.engine) and one.wall]
    if base is None or not others:
        return
    quickest = min(one.wall for one in others)
    # Of those that are as quick as the quickest, the one that works least for it.
    best = min((one for one in others if one.wall <= _AS_QUICK * quickest), key=lambda one: one.cpu)
    if base.wall >= _TELLING * best.wall:
        yield (
            f"{base.engine} waits for one answer after the other, {base.wall:.2f} s;"
            f" {best.engine} waits for up to {best.concurrency} at once, {best.wall:.2f} s:"
            f" {base.wall / best.wall:.0f} times less"
        )


def _asking(summaries: Sequence[Summary]) -> Iterator[str]:
    by_name = {one.engine: one for one in summaries}
    asking = by_name.get("nonblocking")
    told = next((by_name[name] for name in ("epoll", "poll", "selectors") if name in by_name), None)
    if asking is None or told is None or asking.cpu < _TELLING * max(told.cpu, _LEAST):
        return
    yield (
        f"nonblocking spends {asking.cpu:.2f} s of processor time where {told.engine} spends"
        f" {told.cpu:.3f} s, {asking.cpu / max(told.cpu, _LEAST):.0f} times as much: it asks every"
        f" socket over and over, and {told.engine} sleeps until the kernel says which is ready"
    )


def _costs(summaries: Sequence[Summary]) -> Iterator[str]:
    others = [
        one for one in summaries if not is_sequential(one.engine) and one.engine != "nonblocking"
    ]
    if len(others) < 2:
        return
    least = min(others, key=lambda one: one.cpu)
    most = max(others, key=lambda one: one.cpu)
    if most.cpu >= _TELLING * max(least.cpu, _LEAST):
        yield (
            f"the same pages cost {least.engine} {least.cpu:.3f} s of processor time and"
            f" {most.engine} {most.cpu:.3f} s"
        )


def _memory(summaries: Sequence[Summary]) -> Iterator[str]:
    processes = next((one for one in summaries if one.engine.startswith("processes")), None)
    threads = next((one for one in summaries if one.engine.startswith("threads")), None)
    if processes and threads and processes.rss_bytes >= _TELLING * threads.rss_bytes:
        yield (
            f"{processes.engine} takes {processes.rss_bytes / threads.rss_bytes:.1f} times the"
            f" memory of {threads.engine}: every process has an interpreter of its own"
        )

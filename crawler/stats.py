"""What a run has done so far, counted; `snapshot` gives it as a value.

    outcome ──► add ──► statuses, errors, bytes, latency, queue time ──► Snapshot ──► report

The accounts are exact: lines + found + resumed = fetched + failed + skipped + duplicate + invalid +
unfinished. Memory does not grow with the run: latencies go into buckets 2 % wide.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.model import Response, Skip

if TYPE_CHECKING:
    from collections.abc import Callable

    from crawler.model import Final

DUPLICATE = "url.duplicate"
INVALID = "url.invalid"
_FLOOR = 1e-6  # seconds; below it everything is one bucket
_WIDTH = math.log(1.02)  # a bucket ends 2 % above its start
_BUCKETS = 1 + int(math.log(86_400 / _FLOOR) / _WIDTH)  # a day
_log = math.log
_CODES = 500  # different error codes kept; servers cannot invent more statuses than 900


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Durations in seconds, right to 2 %; the largest is exact. All 0 where there was none."""

    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run at one instant."""

    elapsed: float  # seconds since the start
    lines: int  # read from the input
    fetched: int  # whole responses from 200 to 399
    failed: int
    duplicate: int
    invalid: int
    unfinished: int  # read, but neither fetched nor failed yet
    body_bytes: int  # as sent, before decoding
    statuses: tuple[tuple[int, int], ...]  # (status, count), by status
    errors: tuple[tuple[str, int], ...]  # (code, count), most frequent first
    latency: Percentiles  # of exchanges that brought a response, without the queue
    queue: Percentiles  # from reading the line to the start of the last exchange
    skipped: int = 0  # never asked for: robots, scope, a limit
    skips: tuple[tuple[str, int], ...] = ()  # (reason, count), most frequent first
    found: int = 0  # on pages and in sitemaps
    resumed: int = 0  # left by an earlier run

    @property
    def pages_per_second(self) -> float:
        """Responses and failures per second."""
        return (self.fetched + self.failed) / self.elapsed if self.elapsed > 0 else 0.0


class Histogram:
    """Durations counted in buckets that grow by 2 %: 1,271 of them reach from 1 us to a day."""

    def __init__(self) -> None:
        self._counts = [0] * (_BUCKETS + 1)
        self._total = 0
        self._most = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        if seconds > _FLOOR:
            self._counts[min(int(_log(seconds / _FLOOR) / _WIDTH) + 1, _BUCKETS)] += 1
            if seconds > self._most:
                self._most = seconds
        else:
            self._counts[0] += 1
        self._total += 1

    def percentiles(self) -> Percentiles:
        """The usual ones, so far."""
        return Percentiles(self._at(0.5), self._at(0.9), self._at(0.99), self._most)

    def _at(self, share: float) -> float:
        wanted = math.ceil(self._total * share)
        seen = 0
        for bucket, number in enumerate(self._counts):
            seen += number
            if seen >= wanted and number:
                middle = _FLOOR * math.exp((bucket - 0.5) * _WIDTH) if bucket else 0.0
                return min(middle, self._most)
        return 0.0


class Stats:
    """Counts outcomes.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._statuses: Counter[int] = Counter()
        self._errors: Counter[str] = Counter()
        self._skips: Counter[str] = Counter()
        self._latency = Histogram()
        self._queue = Histogram()
        self.fetched = 0
        self.failed = 0
        self.duplicate = 0
        self.invalid = 0
        self.skipped = 0
        self.body_bytes = 0

    @property
    def ended(self) -> int:
        """Lines that have their outcome."""
        return self.fetched + self.failed + self.skipped + self.duplicate + self.invalid

    def add(self, outcome: Final) -> None:
        """Count one outcome."""
        if isinstance(outcome, Response):
            self._statuses[outcome.status] += 1
            self.body_bytes += len(outcome.raw)
            if outcome.ok:
                self.fetched += 1
            else:
                self.failed += 1
                self._errors[
                    "body.truncated" if outcome.truncated else f"http.{outcome.status}"
                ] += 1
            self._time(outcome)
            return
        code = outcome.code
        if isinstance(outcome, Skip):
            self.skipped += 1
            self._skips[code if len(self._skips) < _CODES else "other"] += 1
            return
        if code == DUPLICATE:
            self.duplicate += 1
        elif code == INVALID:
            self.invalid += 1
        else:
            self.failed += 1
            self._errors[code if len(self._errors) < _CODES else "other"] += 1
            if outcome.error.partial is not None:
                self.body_bytes += len(outcome.error.partial.raw)

    def snapshot(self, lines: int, *, found: int = 0, resumed: int = 0) -> Snapshot:
        """The run as it stands after `lines` lines were read and `found` links were added."""
        return Snapshot(
            elapsed=self._clock() - self._started,
            lines=lines,
            fetched=self.fetched,
            failed=self.failed,
            duplicate=self.duplicate,
            invalid=self.invalid,
            unfinished=lines + found + resumed - self.ended,
            body_bytes=self.body_bytes,
            statuses=tuple(sorted(self._statuses.items())),
            errors=tuple(self._errors.most_common()),
            latency=self._latency.percentiles(),
            queue=self._queue.percentiles(),
            skipped=self.skipped,
            skips=tuple(self._skips.most_common()),
            found=found,
            resumed=resumed,
        )

    def _time(self, response: Response) -> None:
        total = response.timing.total or response.elapsed
        self._latency.add(total)
        since = response.request.since
        if since:
            self._queue.add(response.timing.queue or self._clock() - since - total)

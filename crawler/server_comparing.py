"""Measure server models under the same load: one child at a time, the client always the same.

    for every round, shuffled                     child: crawl serve --model M
        for every model and number of clients
            what it has used so far        ◄────  it listens
            swarm of the selectors kind    ────►  talks
            what it has used by now        ◄────  peak memory, processor time, switches
            stop

Facts (proc(5), getrusage(2)): /proc/PID/stat has the time of all threads, ended ones too, and of
children that were waited for; children that live have files of their own. Context switches of
ended threads are in no file, but the kernel adds them up for whoever waits for the process.
Only the server counts: the client's time is noted apart, to see when it was the narrow place.
Read beside it: server_comparison.py (values and table), swarm_selectors.py (the load).
"""

from __future__ import annotations

import os
import random
import resource
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import command_line, comparing, kin, swarm_selectors
from crawler.dialogue import Plan
from crawler.errors import ConfigError, EngineUnavailable, SinkError
from crawler.server_child import MODELS, SERVE, server
from crawler.server_comparison import RENDERERS, ServerComparison, ServerRun, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EVERY = 0.1  # seconds between two looks at the memory of many processes
_TIDY = 1.0  # seconds for the server to see that its clients have gone


@dataclass(frozen=True, slots=True)
class Load:
    """What every server is asked to bear."""

    clients: tuple[int, ...] = (100, 1000)
    messages: int = 10
    size: int = 64  # bytes of a line, or of a response's body
    protocol: str = "echo"
    timeout: float = 10.0  # seconds


def measured(
    models: Sequence[str],
    load: Load,
    *,
    repeat: int = 5,
    seed: int = 0,
    serve: Sequence[str] = SERVE,
    told: Callable[[ServerRun], None] = lambda run: None,
) -> ServerComparison:
    """All runs, in the order they were made. A model that cannot run here is named, with why.

    Raises:
        LocalError: the client ran out of descriptors.
    """
    shuffle = random.Random(seed).shuffle
    runs: list[ServerRun] = []
    absent: dict[str, str] = {}
    for repetition in range(1, repeat + 1):
        turns = [(model, clients) for model in models for clients in load.clients]
        shuffle(turns)
        for model, clients in turns:
            if model in absent:
                continue
            try:
                run = _run(model, clients, load, repetition, serve)
            except EngineUnavailable as error:
                absent[model] = str(error)
            else:
                runs.append(run)
                told(run)
    return ServerComparison(
        runs=tuple(runs), absent=tuple(absent.items()), machine=comparing.machine(), seed=seed
    )


def show(
    models: Sequence[str], load: Load, *, repeat: int, export: Sequence[str], seed: int
) -> int:
    """Measure, print, export; 0 when every reply of every server was right, else 1.

    Raises:
        ConfigError: exit code 2.
        SinkError: exit code 3.
    """
    chosen = MODELS if not models or "all" in models else tuple(dict.fromkeys(models))
    _check(chosen, load, repeat=repeat, export=export)

    def told(run: ServerRun) -> None:
        sys.stderr.write(
            f"{run.model}, {run.clients} clients: run {run.repetition} of {repeat}:"
            f" {run.wall:.2f} s, {run.ok} right\n"
        )

    found = measured(chosen, load, repeat=repeat, seed=seed, told=told)
    if not found.runs:
        raise EngineUnavailable("; ".join(why for _, why in found.absent))
    comparison = ServerComparison(
        runs=found.runs,
        command=command_line.shown(sys.argv[1:]),
        machine=found.machine,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        absent=found.absent,
        seed=seed,
    )
    sys.stdout.write(text(comparison))
    sys.stdout.flush()
    for name in export:
        try:
            Path(name).write_text(RENDERERS[Path(name).suffix](comparison), encoding="utf-8")
        except OSError as error:
            raise SinkError(f"cannot write {name!r}: {error.strerror}") from error
    return int(any(run.wrong or run.missing or run.refused for run in found.runs))


def numbers(written: str) -> tuple[int, ...]:
    """The numbers of ``100,1000``. Raises ConfigError."""
    try:
        return tuple(dict.fromkeys(int(word) for word in written.split(",")))
    except ValueError as error:
        raise ConfigError(f"--clients: {written!r} is no list of numbers") from error


def _check(models: Sequence[str], load: Load, *, repeat: int, export: Sequence[str]) -> None:
    for model in models:
        if model not in MODELS:
            raise ConfigError(f"{model!r} is no server model: {', '.join(MODELS)}")
    if load.protocol not in {"echo", "http"}:
        raise ConfigError(f"--protocol: {load.protocol!r} is neither echo nor http")
    if min(load.clients) < 1 or load.messages < 1 or load.size < 1 or repeat < 1:
        raise ConfigError("--clients, --messages, --size, --repeat: must be at least 1")
    for name in export:
        if Path(name).suffix not in RENDERERS:
            raise ConfigError(f"--export: {', '.join(RENDERERS)}, not {name!r}")


def _run(model: str, clients: int, load: Load, repetition: int, serve: Sequence[str]) -> ServerRun:
    plan = Plan(clients, load.messages, load.size, load.timeout, protocol=load.protocol)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with server(model, load.protocol, serve=serve) as child:
        pid = child.process.pid
        began, switched = _times(pid), _switches(pid)
        own = time.process_time()
        with _Memory(pid) as memory:
            seen = swarm_selectors.swarm(child.host, child.port, plan)
            spent = time.process_time() - own
        _settle(pid)
        ended = _times(pid)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = ended[0] - began[0], ended[1] - began[1]
    return ServerRun(
        model=model,
        protocol=load.protocol,
        clients=clients,
        messages=load.messages,
        wall=seen.wall,
        cpu=user + system,
        user=user,
        system=system,
        rss_bytes=memory.peak,
        rss_by=memory.by,
        voluntary=max(0, after.ru_nvcsw - before.ru_nvcsw - switched[0]),
        involuntary=max(0, after.ru_nivcsw - before.ru_nivcsw - switched[1]),
        ok=seen.right,
        wrong=seen.wrong,
        missing=seen.missing,
        refused=seen.refused,
        latency=(seen.latency[0], seen.latency[2]),
        client_cpu=spent,
        errors=seen.reasons,
        repetition=repetition,
    )


class _Memory:
    """The peak of a server's memory: Pss of all its processes where it has several."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.peak = 0
        self.by = "VmHWM"

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        if self.by == "VmHWM":
            self.peak = _kib(self._pid, "status", "VmHWM:")

    def _sample(self) -> None:
        wait = 0.0
        while not self._over.wait(wait):
            began = time.perf_counter()
            if kin.numbers(self._pid):
                self.by = "Pss"
                now = kin.memory(self._pid) + _kib(self._pid, "smaps_rollup", "Pss:")
                self.peak = max(self.peak, now)
            # A look at a thousand processes is work: it may take a tenth of the time at most.
            wait = max(_EVERY, 9 * (time.perf_counter() - began))


def _settle(pid: int) -> None:
    """Waits until the children that served the clients have ended, or do not."""
    deadline = time.monotonic() + _TIDY
    before = len(kin.numbers(pid))
    while before and time.monotonic() < deadline:
        time.sleep(_EVERY)
        left = len(kin.numbers(pid))
        if left == before:
            return
        before = left


def _times(pid: int) -> tuple[float, float]:
    """Seconds of user and system time: of it, of children it waited for, of those that live."""
    alive = kin.usage(pid)
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return alive.user, alive.system
    tick = os.sysconf("SC_CLK_TCK")
    user, system, waited_user, waited_system = (int(word) / tick for word in words[11:15])
    return user + waited_user + alive.user, system + waited_system + alive.system


def _switches(pid: int) -> tuple[int, int]:
    """Context switches of its threads so far, voluntary and not."""
    found = [0, 0]
    for place, name in enumerate(("voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")):
        for task in Path(f"/proc/{pid}/task").glob("*/status"):
            found[place] += _value(task, name)
    return found[0], found[1]


def _kib(pid: int, file: str, name: str) -> int:
    return _value(Path(f"/proc/{pid}/{file}"), name) * 1024


def _value(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)

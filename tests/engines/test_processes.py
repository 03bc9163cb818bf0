"""What is peculiar to worker processes: they die, they outlive nobody, and values cross a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import engines, errors, fetch_all, kin
from crawler.engines import _crossing, processes
from crawler.errors import EngineUnavailable, FetchError
from crawler.headers import Headers
from crawler.model import Failure, Limits, Network, Outcome, Request, Response, Timing
from crawler.serving.fixture import Site

Child = Callable[..., subprocess.CompletedProcess[str]]
Open = Callable[..., processes.Processes]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SCRIPTS = Path(__file__).parent.parent / "scripts"
PROJECT = SCRIPTS.parent.parent


@pytest.fixture
def opened(fds: None) -> Iterator[Open]:
    made: list[processes.Processes] = []

    def start(
        transport: str = "socket", *, concurrency: int = 2, limits: Limits | None = None
    ) -> processes.Processes:
        made.append(
            processes.Processes(transport, concurrency, limits or Limits(), network=Network())
        )
        return made[-1]

    yield start
    for engine in made:
        engine.close()


def outcomes(engine: processes.Processes, count: int) -> list[Outcome]:
    found: list[Outcome] = []
    while len(found) < count:
        found += engine.wait(None)
    return found


def workers(engine: processes.Processes) -> list[int]:
    return kin.numbers(engine._workshop.pid)


def states(session: int) -> list[str]:
    """Of all processes of that session, the dead that nobody has waited for included."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, its, *_ = path.read_text().rpartition(")")[2].split()
            if int(its) == session:
                found.append(state)
    return found


def gone(session: int) -> bool:
    """Whether none runs soon: who dies by a signal is there for a moment more.

    The dead that have lost their parent are for process 1 to wait for, when it likes.
    """
    for _ in range(200):
        if set(states(session)) <= {"Z", "X"}:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def held() -> Iterator[tuple[str, threading.Event, list[socket.socket]]]:
    """A server that answers when it is told to: its URL, the word, and its connections."""
    told, came = threading.Event(), list[socket.socket]()
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            told.wait(9)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
            )

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                came.append(listener.accept()[0])
                threading.Thread(target=answer, args=(came[-1],), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/", told, came
    told.set()
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in [listener, *came]:
        connection.close()


Held = tuple[str, threading.Event, list[socket.socket]]


def serving(engine: processes.Processes, came: list[socket.socket], count: int) -> list[int]:
    """The workers, once so many of them have a connection to the server."""
    while len(came) < count:
        assert engine.wait(0.01) == []
    return workers(engine)


# -- who dies -------------------------------------------------------------------------------------


def test_a_killed_worker_costs_its_own_exchange_and_is_replaced(opened: Open, held: Held) -> None:
    url, told, came = held
    engine = opened(concurrency=3)
    for number in range(3):
        engine.start(Request(url, number=number))
    before = serving(engine, came, 3)

    os.kill(before[0], signal.SIGKILL)
    (died,) = outcomes(engine, 1)
    told.set()
    others = outcomes(engine, 2)
    told.clear()
    for number in range(3, 6):
        engine.start(Request(url, number=number))
    after = serving(engine, came, 6)  # all at once: two workers alone would be too few
    told.set()
    later = outcomes(engine, 3)

    assert isinstance(died, Failure)
    assert (died.code, died.error.retry) == ("local.worker_died", "once")
    assert died.elapsed > 0
    assert [outcome.ok for outcome in others + later] == [True] * 5
    assert {outcome.request.number for outcome in (died, *others)} == {0, 1, 2}
    assert len(after) == 3
    assert set(before) - set(after) == {before[0]}


def test_what_died_with_its_worker_is_tried_once_more(held: Held) -> None:
    url, _, came = held
    ended: list[Outcome] = []
    fetching = threading.Thread(
        target=lambda: ended.extend(fetch_all([url], engine="processes+socket", concurrency=1))
    )
    fetching.start()
    for connections in (1, 2):
        while len(came) < connections:
            time.sleep(0.01)
        (workshop,) = [n for n in kin.numbers() if "_workshop" in command(n) and kin.numbers(n)]
        os.kill(kin.numbers(workshop)[0], signal.SIGKILL)
    fetching.join()

    (died,) = ended
    assert isinstance(died, Failure)
    assert died.code == "local.worker_died"
    assert died.attempts == 2


def command(number: int) -> str:
    return Path(f"/proc/{number}/cmdline").read_text()


def test_an_idle_worker_that_died_is_not_given_a_request(opened: Open, site: Site) -> None:
    engine = opened(concurrency=1)
    os.kill(workers(engine)[0], signal.SIGKILL)
    while workers(engine):
        time.sleep(0.001)

    engine.start(Request(f"{site.url}/page/1"))

    assert outcomes(engine, 1)[0].ok


def test_a_killed_workshop_is_replaced_when_a_worker_is_needed(
    opened: Open, held: Held, site: Site
) -> None:
    url, _, came = held
    engine = opened(concurrency=2)
    first = engine._workshop.pid
    engine.start(Request(url))
    both = serving(engine, came, 1)

    os.kill(first, signal.SIGKILL)
    engine._workshop.wait()
    for number in both:
        os.kill(number, signal.SIGKILL)
    assert gone(first)
    (died,) = outcomes(engine, 1)
    engine.start(Request(f"{site.url}/page/1"))
    (well,) = outcomes(engine, 1)

    assert isinstance(died, Failure)
    assert well.ok
    assert engine._workshop.pid != first


def test_close_ends_workers_whose_workshop_was_killed(opened: Open, held: Held) -> None:
    url, _, came = held
    engine = opened(concurrency=2)
    engine.start(Request(url))
    session = engine._workshop.pid
    serving(engine, came, 1)

    os.kill(session, signal.SIGKILL)
    engine.close()

    assert gone(session)


def test_close_leaves_no_process_and_no_zombie(opened: Open, held: Held) -> None:
    url, _, came = held
    engine = opened(concurrency=4)
    for number in range(2):
        engine.start(Request(url, number=number))
    serving(engine, came, 2)
    session = engine._workshop.pid
    assert len(states(session)) == 5

    engine.close()

    assert states(session) == []
    assert engine._workshop.returncode == 0


def test_a_workshop_that_does_not_move_is_killed(
    opened: Open, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_ENDING", 0.05)
    url, _, came = held
    engine = opened(concurrency=2)
    engine.start(Request(url))
    session = engine._workshop.pid
    serving(engine, came, 1)

    os.kill(session, signal.SIGSTOP)
    engine.close()

    assert gone(session)


def test_none_outlives_a_parent_that_was_killed(held: Held) -> None:
    url, _, came = held
    parent = subprocess.Popen(
        [sys.executable, SCRIPTS / "orphaned.py", f"{url}?"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    assert parent.stdout is not None
    session = int(parent.stdout.readline().split()[0])
    while len(came) < 3:
        time.sleep(0.01)
    assert len(states(session)) == 5

    parent.kill()
    parent.communicate()

    assert gone(session)


def test_an_interrupt_of_the_whole_terminal_leaves_the_workers_to_the_engine(
    opened: Open, held: Held
) -> None:
    url, told, came = held
    engine = opened(concurrency=2)
    engine.start(Request(url))
    before = serving(engine, came, 1)

    os.killpg(engine._workshop.pid, signal.SIGINT)
    told.set()
    (outcome,) = outcomes(engine, 1)

    assert outcome.ok
    assert workers(engine) == before
    assert os.getsid(engine._workshop.pid) != os.getsid(0)


# -- who cannot begin -----------------------------------------------------------------------------


def test_without_descriptors_for_one_worker_it_cannot_be_opened(child: Child) -> None:
    done = child("few_files.py", "processes+socket", "3", "3", input="http://127.0.0.1:1/")

    assert "EngineUnavailable: engine 'processes' could not start" in done.stderr
    assert "ResourceWarning" not in done.stderr


def may_have_few_processes() -> bool:
    return os.getuid() == 0 and shutil.which("setpriv") is not None


@pytest.mark.skipif(not may_have_few_processes(), reason="needs another user: root and setpriv")
def test_where_few_processes_may_run_fewer_workers_do(site: Site) -> None:
    # The limit does not hold for root, and Python may be where only root may read.
    user = ["setpriv", "--reuid", "54321", "--clear-groups"]
    reads = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    program = [sys.executable, str(SCRIPTS / "few_processes.py"), f"{site.url}/page/1", "5"]

    done = subprocess.run(
        [*user, *reads, *program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        timeout=9,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {"workers": 3, "ended": [200] * 20, "warnings": 1}


def test_a_platform_without_a_transport_of_that_name_cannot_open_it(opened: Open) -> None:
    with pytest.raises(EngineUnavailable, match="did you mean"):
        engines.open("processes+sockets", concurrency=1, limits=Limits(), network=Network())


# -- what crosses ---------------------------------------------------------------------------------

text = st.text(max_size=20)
seconds = st.floats(min_value=0, max_value=1e6)
pairs = st.lists(st.tuples(text, text), max_size=4).map(tuple)
instants = st.datetimes(timezones=st.just(UTC))
timings = st.builds(Timing, *[seconds] * 6)
requests = st.builds(
    Request,
    text,
    pairs,
    method=text,
    body=st.binary(max_size=50),
    number=st.integers(0, 2**70),
    attempt=st.integers(1, 9),
    since=seconds,
    deadline=seconds,
    public_only=st.booleans(),
)
bodies = st.binary(max_size=100)
responses = st.builds(
    lambda body, **rest: Response(body=body, raw=body, **rest),
    body=bodies,
    request=requests,
    status=st.integers(100, 999),
    reason=text,
    headers=pairs.map(Headers),
    http_version=text,
    peer=text,
    started=instants,
    elapsed=seconds,
    timing=timings,
    reused=st.booleans(),
    truncated=text,
    warnings=st.lists(text, max_size=3).map(tuple),
)


def every_error(parent: type[FetchError] = FetchError) -> list[type[FetchError]]:
    return [
        parent,
        *(further for child in parent.__subclasses__() for further in every_error(child)),
    ]


@st.composite
def failures(draw: st.DrawFn) -> Failure:
    kind = draw(st.sampled_from(every_error()))
    retry = draw(st.sampled_from(["no", "once", "backoff"]))
    error = kind(draw(text), code=draw(text.filter(bool)), retry=retry)
    error.stale = draw(st.booleans())
    partial = draw(st.none() | responses)
    request = draw(requests)
    error.partial = None if partial is None else replace(partial, request=request)
    started, elapsed, timing = draw(instants), draw(seconds), draw(timings)
    return Failure(request, error, started, elapsed, draw(st.integers(1, 9)), timing)


def crossed(message: bytes) -> _crossing.Told:
    (size,) = _crossing.LENGTH.unpack_from(message)
    assert size == len(message) - _crossing.LENGTH.size
    told: _crossing.Told = _crossing.unframed(message[_crossing.LENGTH.size :])
    return told


@given(requests)
def test_a_request_crosses_whole(request: Request) -> None:
    assert _crossing.request_of(crossed(_crossing.of_request(request))) == request


class Name(str):
    """A str of another class, as parsers of HTML make them."""

    __slots__ = ()


class Word(str, Enum):  # noqa: UP042 - of these, str() says "Word.HEAD"
    """An enum as they were made before StrEnum."""

    HEAD = "HEAD"


class Number(IntEnum):
    SEVEN = 7


class Seconds(float):
    """As numpy's are."""

    __slots__ = ()


def test_values_of_other_classes_cross_as_what_they_are_made_of() -> None:
    headers = ((Name("X-A"), Name("\N{SNOWMAN}")),)
    request = Request(
        Name("http://a/"),
        headers,
        method=Word.HEAD,
        number=Number.SEVEN,
        since=Seconds(1.5),
        public_only=True,
    )

    told = _crossing.request_of(crossed(_crossing.of_request(request)))

    assert told == request
    assert [type(value) for value in (told.url, told.method, told.number, told.since)] == [
        *(str, str, int, float)
    ]
    assert told.public_only is True


def test_what_a_worker_is_told_of_a_request_is_all_but_where_it_came_from() -> None:
    request = Request("http://a/", depth=2, parent="http://b/", via=("http://c/",))

    told = _crossing.request_of(crossed(_crossing.of_request(request)))

    assert {f.name for f in fields(told) if getattr(told, f.name) != getattr(request, f.name)} == {
        *("depth", "parent", "via")
    }


@given(responses)
def test_a_response_crosses_whole(response: Response) -> None:
    told = crossed(_crossing.of_outcome(response))

    assert _crossing.outcome_of(told, response.request) == response


@given(failures())
def test_a_failure_crosses_whole(failure: Failure) -> None:
    made = _crossing.outcome_of(crossed(_crossing.of_outcome(failure)), failure.request)

    assert isinstance(made, Failure)
    assert type(made.error) is type(failure.error)
    assert str(made.error) == str(failure.error)
    for name in ("code", "retry", "stale", "partial"):
        assert getattr(made.error, name) == getattr(failure.error, name)
    assert replace(made, error=failure.error) == failure


def test_an_instant_keeps_its_zone() -> None:
    zone = timezone(timedelta(hours=2))
    error = errors.LocalError("none")
    failure = Failure(Request("http://a/"), error, datetime(2026, 1, 2, tzinfo=zone), 0.5)

    made = _crossing.outcome_of(crossed(_crossing.of_outcome(failure)), failure.request)

    assert made.started == failure.started
    assert made.started.utcoffset() == timedelta(hours=2)


def test_settings_cross_whole() -> None:
    limits = Limits(timeout=1.5, max_bytes=7)
    network = Network("http://a:1", False, Path("/x"), (("h", 1, "::1"),), 6)

    told = crossed(_crossing.of_settings("urllib", limits, network))

    assert _crossing.settings_of(told) == ("urllib", limits, network)


def told_of(outcome: Outcome) -> dict[str, object]:
    """All that two engines must agree on: not how long it took, nor when."""
    told: dict[str, object] = {"url": outcome.url, "number": outcome.request.number}
    response = outcome if isinstance(outcome, Response) else outcome.error.partial
    if isinstance(outcome, Failure):
        error = outcome.error
        told |= {"error": type(error), "text": str(error), "code": error.code}
        told |= {"retry": error.retry, "stale": error.stale, "attempts": outcome.attempts}
    if response is not None:
        for name in ("status", "reason", "headers", "body", "raw", "http_version", "reused"):
            told[name] = getattr(response, name)
        told |= {"truncated": response.truncated, "warnings": response.warnings}
        told["peer"] = response.peer
        told["took"] = response.elapsed > 0 and response.timing.first_byte > 0
    told["timing"] = outcome.timing.total > 0
    return told


def test_outcomes_are_those_of_threads(site: Site) -> None:
    paths = ["page/1", "size/70000", "chunked/3", "gzip", "early/1", "status/404", "drop", "reset"]
    paths += ["garbage", "truncated", "page/2", "redirect/2", "page/3"]
    played = {}
    for name in ("threads+socket", "processes+socket"):
        found = fetch_all(
            [f"{site.url}/{path}" for path in paths],
            engine=name,
            concurrency=1,
            limits=Limits(retries=0),
        )
        played[name] = [told_of(outcome) for outcome in found]

    assert played["processes+socket"] == played["threads+socket"]
    assert {told.get("code", "") for told in played["processes+socket"]} > {"net.empty_reply"}
    assert True in {told.get("reused") for told in played["processes+socket"]}


def test_large_bodies_cross(opened: Open, site: Site) -> None:
    engine = opened(concurrency=2)
    size = 8 * 1024 * 1024
    for _ in range(3):
        engine.start(Request(f"{site.url}/size/{size}"))

    ended = outcomes(engine, 3)

    assert [isinstance(outcome, Response) and len(outcome.body) for outcome in ended] == [size] * 3


def test_large_requests_cross_while_another_worker_answers(opened: Open, site: Site) -> None:
    engine = opened(concurrency=2)
    size = 8 * 1024 * 1024
    for number in range(4):
        if number % 2:
            engine.start(Request(f"{site.url}/size/{size}"))
        else:
            engine.start(Request(f"{site.url}/page/1", method="POST", body=b"x" * size))

    ended = outcomes(engine, 4)

    assert [outcome.ok for outcome in ended] == [True] * 4


def test_bodies_under_way_are_shared_out_among_the_workers() -> None:
    limits = Limits(bodies=1000, max_bytes=10)
    engine = processes.Processes("socket", 4, limits, Network())
    engine.close()

    told = _crossing.settings_of(crossed(engine._settings))

    assert told[1] == replace(limits, bodies=250)

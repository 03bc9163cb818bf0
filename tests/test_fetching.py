"""What is done once above all engines: retries, refusals, decoding. Engines are scripted here."""

from __future__ import annotations

import gzip
import pickle
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime

import pytest

from crawler.drafts import seed_request
from crawler.errors import ConnectError, FetchError, ProtocolError
from crawler.fetching import settled
from crawler.frontier.listed import Listed
from crawler.model import Failure, Headers, Limits, Outcome, Request, Response
from crawler.settling import RETRYABLE, Fetches, retry_after


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class AnsweringEngine:
    """Answers each request by a function; a wait lets the clock's time pass."""

    def __init__(self, answer: Callable[[Request], Outcome], clock: Clock) -> None:
        self.answer = answer
        self.clock = clock
        self.started: list[tuple[float, Request]] = []
        self.queue: deque[Request] = deque()

    def start(self, request: Request) -> None:
        self.started.append((self.clock.now, request))
        self.queue.append(request)

    def wait(self, timeout: float | None) -> list[Outcome]:
        if not self.queue:
            self.clock.now += timeout or 0.0
            return []
        return [self.answer(self.queue.popleft())]

    def close(self) -> None:
        self.queue.clear()


def response(request: Request, status: int = 200, body: bytes = b"", **fields: str) -> Response:
    headers = Headers(tuple((name.replace("_", "-"), value) for name, value in fields.items()))
    return Response(
        request, status, "", headers, body, body, "1.1", "127.0.0.1 80", datetime.now(UTC), 0.0
    )


def failure(request: Request, error: FetchError) -> Failure:
    return Failure(request, error, datetime.now(UTC), 0.0, request.attempt)


def run(
    answer: Callable[[Request], Outcome],
    *urls: str,
    limits: Limits = Limits(),
    retry_on: Iterable[str] = (RETRYABLE,),
    method: str = "GET",
    body: bytes = b"",
) -> tuple[list[Outcome], list[float]]:
    """The final outcomes, and the instants of all starts after the first."""
    clock = Clock()
    engine = AnsweringEngine(answer, clock)
    requests = [Request(url, method=method, body=body) for url in urls or ("http://a/",)]
    fetches = Fetches(
        Listed(iter(requests), clock=clock),
        limits=limits,
        retry_on=tuple(retry_on),
        clock=clock,
        jitter=lambda _least, most: most,
    )
    outcomes = list(settled(engine, fetches, 4))
    return outcomes, [instant - 1000.0 for instant, _ in engine.started]


def test_a_refused_connection_is_tried_twice_more_with_growing_waits() -> None:
    (outcome,), starts = run(lambda request: failure(request, ConnectError("refused")))

    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.attempts) == ("connect.refused", 3)
    assert starts == [0.0, 1.0, 3.0]


def test_a_retry_that_succeeds_leaves_no_trace_but_the_attempt() -> None:
    def answer(request: Request) -> Outcome:
        if request.attempt < 3:
            return failure(request, ConnectError("refused"))
        return response(request)

    (outcome,), _ = run(answer)

    assert isinstance(outcome, Response)
    assert outcome.request.attempt == 3


def test_once_means_one_more_at_once() -> None:
    def answer(request: Request) -> Outcome:
        return failure(request, ProtocolError("cut", code="net.incomplete_body"))

    (outcome,), starts = run(answer)

    assert isinstance(outcome, Failure)
    assert starts == [0.0, 0.0]


def test_what_will_not_change_is_not_tried_again() -> None:
    _, starts = run(lambda request: failure(request, ProtocolError("", code="proto.bad_length")))

    assert starts == [0.0]


def test_no_retries_means_none() -> None:
    _, starts = run(
        lambda request: failure(request, ConnectError("refused")), limits=Limits(retries=0)
    )

    assert starts == [0.0]


def test_a_request_with_a_body_is_never_sent_twice() -> None:
    _, starts = run(
        lambda request: failure(request, ConnectError("refused")), method="POST", body=b"x"
    )

    assert starts == [0.0]


@pytest.mark.parametrize(
    ("retry_on", "status", "tries"),
    [(["429"], 429, 3), (["5xx"], 503, 3), (["5xx"], 429, 1), ([RETRYABLE], 503, 1)],
)
def test_statuses_are_tried_again_only_when_asked(
    retry_on: list[str], status: int, tries: int
) -> None:
    (outcome,), starts = run(lambda request: response(request, status), retry_on=retry_on)

    assert isinstance(outcome, Response)
    assert len(starts) == tries


@pytest.mark.parametrize(("word", "tries"), [("connect", 3), ("connect.refused", 3), ("dns", 1)])
def test_errors_are_tried_again_by_code_or_family(word: str, tries: int) -> None:
    _, starts = run(lambda request: failure(request, ConnectError("refused")), retry_on=[word])

    assert len(starts) == tries


def test_retry_after_decides_the_wait() -> None:
    _, starts = run(lambda request: response(request, 503, Retry_After="7"), retry_on=["503"])

    assert starts == [0.0, 7.0, 14.0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("-5", 30.0),
        ("soon", 30.0),
        ("99999999999999999999", 300.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300.0),
        ("Wed, 21 Oct 2015 07:28:09 GMT", 9.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 30.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_read_with_care(text: str, seconds: float) -> None:
    answered = response(
        Request("http://a/"), 503, Retry_After=text, Date="Wed, 21 Oct 2015 07:28:00 GMT"
    )

    assert retry_after(answered) == seconds


def test_the_time_for_one_url_bounds_its_retries() -> None:
    _, starts = run(
        lambda request: failure(request, ConnectError("refused")), limits=Limits(total=2.0)
    )

    assert starts == [0.0, 1.0]


def test_redirects_are_followed_and_counted() -> None:
    def answer(request: Request) -> Outcome:
        number = int(request.url[-1])
        if number < 3:
            return response(request, 302, Location=f"/{number + 1}")
        return response(request)

    (outcome,), _ = run(answer, "http://a/0")

    assert outcome.url == "http://a/3"
    assert outcome.request.via == ("http://a/0", "http://a/1", "http://a/2")


def test_an_endless_chain_ends_after_ten_hops() -> None:
    def answer(request: Request) -> Outcome:
        return response(request, 302, Location=f"/{len(request.via) + 1}")

    (outcome,), starts = run(answer, "http://a/0")

    assert isinstance(outcome, Failure)
    assert outcome.code == "redirect.too_many"
    assert len(starts) == 11


def test_an_unasked_206_is_no_page_but_is_kept() -> None:
    (outcome,), _ = run(lambda request: response(request, 206, b"part"))

    assert isinstance(outcome, Failure)
    assert outcome.code == "http.partial"
    assert outcome.error.partial is not None
    assert (outcome.error.partial.body, outcome.error.partial.truncated) == (b"part", "unspecified")


def test_content_is_decoded_once() -> None:
    packed = gzip.compress(b"hello")

    (outcome,), _ = run(lambda request: response(request, 200, packed, Content_Encoding="gzip"))

    assert isinstance(outcome, Response)
    assert (outcome.body, outcome.raw) == (b"hello", packed)


def test_a_bomb_is_a_failure_that_keeps_its_prefix() -> None:
    bomb = gzip.compress(bytes(1_000_000))

    (outcome,), _ = run(
        lambda request: response(request, 200, bomb, Content_Encoding="gzip"),
        limits=Limits(max_bytes=10_000),
    )

    assert isinstance(outcome, Failure)
    assert outcome.code == "body.too_large"
    assert outcome.error.partial is not None
    assert outcome.error.partial.truncated == "length"
    assert outcome.error.partial.body == bytes(10_000), "what was decoded, not what was sent"


def test_leaving_https_is_flagged_on_the_final_response() -> None:
    def answer(request: Request) -> Outcome:
        if request.url.startswith("https"):
            return response(request, 301, Location="http://a/")
        return response(request)

    (outcome,), _ = run(answer, "https://a/")

    assert isinstance(outcome, Response)
    assert outcome.warnings == ("warn.downgrade",)


def test_a_seed_request_is_a_request_like_any_other() -> None:
    made = seed_request("http://a/", (("A", "b"),), number=3, since=2.0)

    assert made == Request("http://a/", (("A", "b"),), number=3, since=2.0)
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(FrozenInstanceError):
        made.url = "http://b/"  # type: ignore[misc]

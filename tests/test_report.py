"""What people read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sinks.outcomes import failure, response, skip

from crawler import report
from crawler.errors import FetchError, ProtocolError
from crawler.stats import Percentiles, Snapshot

NOW = Snapshot(
    elapsed=10.0,
    lines=1234,
    fetched=1000,
    failed=100,
    duplicate=20,
    invalid=10,
    unfinished=104,
    body_bytes=12_345_678,
    statuses=((200, 1000), (404, 60)),
    errors=(("http.404", 60), ("connect.refused", 40)),
    latency=Percentiles(0.1, 0.2, 0.3, 0.4),
    queue=Percentiles(0.01, 0.02, 0.03, 0.04),
)


def test_a_line_is_status_bytes_seconds_and_url() -> None:
    assert report.line(response()) == "200       5 B  250.0 ms  http://a.test/"


def test_a_failed_line_ends_in_code_and_reason() -> None:
    assert report.line(failure("nobody listens")) == (
        "---         -  500.0 ms  http://b.test/  connect.refused: nobody listens"
    )
    assert report.line(response(status=404)).endswith("http://a.test/  http.404")


def test_a_failure_shows_the_status_that_had_arrived() -> None:
    error = ProtocolError("bad chunk", code="proto.bad_chunk")
    error.partial = response(b"hel", status=500, truncated="unspecified")

    assert report.line(failure(error=error)).startswith("500       3 B")


def test_colour_only_where_asked_and_always_ended() -> None:
    assert "\x1b" not in report.line(failure())
    assert report.line(failure(), colour=True).endswith("\x1b[0m")
    assert "\x1b" not in report.line(response(), colour=True)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "a\nb", "\x9b31m", "\u202e", "\r", "\x07"])
def test_nothing_from_outside_steers_the_terminal(hostile: str) -> None:
    shown = [
        report.line(failure(f"said {hostile}")),
        report.line(failure(error=FetchError("x", code=f"odd{hostile}"))),
        report.line(failure(url="", text=hostile)),
    ]

    assert not any(hostile in text for text in shown)
    assert all(text.isprintable() for text in shown)


def test_the_summary_balances_the_accounts() -> None:
    assert report.summary(NOW).splitlines() == [
        "1,234 lines = 1,000 fetched + 100 failed + 20 duplicate + 10 invalid + 104 unfinished",
        "time      10.0 s   110.0 pages/s   12.3 MB",
        "status    200: 1,000   404: 60",
        "errors    http.404: 60   connect.refused: 40",
        "latency   p50 100.0 ms   p90 200.0 ms   p99 300.0 ms   max 400.0 ms",
        "queue     p50 10.0 ms   p90 20.0 ms   p99 30.0 ms   max 40.0 ms",
    ]


def test_the_summary_for_programs_has_the_same_figures() -> None:
    record = report.summary_record(NOW, engine="gevent", concurrency=50, code=1, stopped="")

    assert record["lines"] == sum(
        record[name] for name in ("fetched", "failed", "duplicate", "invalid", "unfinished")
    )
    assert record["statuses"] == {"200": 1000, "404": 60}
    assert record["exit_code"] == 1
    assert record["stopped"] is None


def test_skips_are_told_by_reason_and_balance_the_accounts() -> None:
    now = replace(NOW, lines=NOW.lines + 3, skipped=3, skips=(("policy.trap", 2), ("x\x1b", 1)))

    text = report.summary(now)

    assert " invalid + 3 skipped + " in text
    assert "\nskipped   policy.trap: 2   x\\x1b: 1\n" in text
    record = report.summary_record(now, engine="e", concurrency=1, code=0, stopped="")
    assert (record["skipped"], record["skips"]) == (3, {"policy.trap": 2, "x\x1b": 1})


def test_the_line_of_a_skip_says_why() -> None:
    line = report.line(skip())

    assert line == (
        "---         -         -  http://c.test/private  robots.disallowed: Disallow: /private"
    )
    assert report.line(skip(), colour=True) == f"\x1b[33m{line}\x1b[0m"


def test_progress_tells_the_time_that_is_left_where_the_input_is_known() -> None:
    known = report.progress(NOW, under_way=50, read=0.5)
    unknown = report.progress(NOW, under_way=50, read=None)

    assert known.startswith("1,100 done  100 failed  50 under way  54 queued  110/s")
    assert "  1.2 MB/s  10.0 s  46%" in known
    assert known.endswith("ETA 11.8 s")
    assert "ETA" not in unknown
    assert "%" not in unknown


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_999, "1.0 MB"), (10**13, "10.0 TB")],
)
def test_sizes_are_decimal(size: int, text: str) -> None:
    assert report.human_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (125, "2:05"), (3725, "1:02:05")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert report.human_time(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 ms"),
        (0.00042, "0.4 ms"),
        (0.9999, "999.9 ms"),
        (0.99999, "1.00 s"),
        (60, "60.00 s"),
    ],
)
def test_the_time_of_one_exchange_is_shown_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert report.human_duration(seconds) == text

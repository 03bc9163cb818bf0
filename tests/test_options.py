"""Units people write."""

from __future__ import annotations

import math

import pytest

from crawler import options


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1.5", 1.5), ("500ms", 0.5), ("2m", 120), ("1h", 3600), ("3 s", 3), ("0", 0), (".5", 0.5)],
)
def test_a_duration_is_seconds_unless_it_has_a_unit(text: str, seconds: float) -> None:
    assert options.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1500", 1500), ("10M", 10**7), ("10Mi", 10 * 2**20), ("1Gi", 2**30), ("1.5k", 1500),
     ("2KB", 2000), ("2KiB", 2048)],
)  # fmt: skip
def test_a_size_is_bytes_and_i_makes_it_binary(text: str, size: int) -> None:
    assert options.size(text) == size


@pytest.mark.parametrize(
    ("text", "rate"), [("150/s", 150), ("9000/m", 150), ("7", 7), ("3600/h", 1), ("0", 0)]
)
def test_a_rate_is_requests_per_second(text: str, rate: float) -> None:
    assert options.rate(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (options.seconds, "soon"), (options.seconds, "-1"), (options.seconds, "1y"),
        (options.seconds, ""), (options.seconds, "nan"), (options.seconds, "1e9"),
        (options.size, "10Q"), (options.size, "-5"), (options.size, "ten"),
        (options.rate, "5/x"), (options.rate, "/s"), (options.rate, "inf"), (options.rate, "-1/s"),
        (options.count, "-1"), (options.count, "1.5"), (options.count, "٣"),
        (options.flag, "maybe"),
        (options.header, "no colon"), (options.header, "Bad Name: x"), (options.header, ": x"),
        (options.header, "X: a\r\nY: b"), (options.header, "X: a\0"), (options.header, "X: \u20ac"),
        (options.resolve, "host:80"), (options.resolve, "host:0:127.0.0.1"),
        (options.resolve, "host:80:elsewhere"), (options.resolve, ":80:127.0.0.1"),
        (options.retry_words, "sometimes"), (options.retry_words, "700"),
        (options.share, "most"), (options.share, "101%"), (options.share, "5"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_with_the_text_in_the_message(read, text: str) -> None:
    with pytest.raises(ValueError, match=r"not|neither|holds") as refused:
        read(text)

    assert "could not convert" not in str(refused.value)


def test_a_header_line_is_name_and_value() -> None:
    assert options.header("Accept:  text/html ") == ("Accept", "text/html")
    assert options.header("Accept:") == ("Accept", "")


def test_an_address_to_use_may_be_ipv6() -> None:
    assert options.resolve("A.test:443:[::1]") == ("a.test", 443, "::1")
    assert options.resolve("a.test:80:127.0.0.1") == ("a.test", 80, "127.0.0.1")


def test_shares_are_none_any_all_or_a_percentage() -> None:
    assert options.share("none") == math.inf
    assert options.share("any") == 0
    assert options.share("all") == 1
    assert options.share("5%") == pytest.approx(0.05)

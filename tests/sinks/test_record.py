"""What a record says."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sinks.outcomes import failure, response, skip

from crawler.errors import ProtocolError
from crawler.model import Headers, Timing
from crawler.sinks.record import FIELDS, Describer, encoded


def test_a_response_fills_every_field() -> None:
    outcome = response(via=("http://a.test/old",), url="http://a.test/new", text="a.test/old")

    record = Describer(engine="selectors").record(outcome)

    assert tuple(record) == FIELDS
    assert record == {
        "n": 1,
        "input": "a.test/old",
        "url": "http://a.test/old",
        "final_url": "http://a.test/new",
        "status": 200,
        "ok": True,
        "error": None,
        "error_text": None,
        "via": [{"url": "http://a.test/old"}],
        "attempts": 1,
        "bytes": 5,
        "size": 5,
        "content_type": "text/html; charset=UTF-8",
        "charset": "utf-8",
        "ip": "127.0.0.1",
        "port": 8080,
        "http_version": "1.1",
        "reused": True,
        "time_queue": 0.125,
        "time_dns": 0.001,
        "time_connect": 0.002,
        "time_tls": 0.0,
        "time_first_byte": 0.1,
        "time_total": 0.25,
        "started": "2026-01-02T03:04:05.678901+00:00",
        "truncated": None,
        "warnings": [],
        "sha256": sha256(b"hello").hexdigest(),
        "file": None,
        "engine": "selectors",
    }


def test_a_failure_has_the_same_fields() -> None:
    record = Describer(engine="gevent").record(failure())

    assert tuple(record) == FIELDS
    assert (record["ok"], record["error"], record["attempts"]) == (False, "connect.refused", 3)
    assert record["status"] is None
    assert record["sha256"] is None


def test_a_failure_tells_what_had_arrived() -> None:
    error = ProtocolError("bad chunk", code="proto.bad_chunk")
    error.partial = response(b"hel", truncated="unspecified")

    record = Describer(engine="gevent").record(failure(error=error))

    assert (record["status"], record["bytes"], record["truncated"]) == (200, 3, "unspecified")
    assert record["sha256"] is None


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (response(status=404, reason="Not Found"), "http.404"),
        (response(status=500, reason=""), "http.500"),
        (response(truncated="length"), "body.truncated"),
        (response(status=302), None),
    ],
)
def test_what_is_no_whole_page_is_an_error(outcome, error: str | None) -> None:
    record = Describer(engine="e").record(outcome)

    assert record["error"] == error
    assert record["ok"] is (error is None)


def test_fields_come_in_the_order_asked_for() -> None:
    describer = Describer(engine="e", fields=("status", "n", "title"))

    record = describer.record(response(b"<html><TITLE>\n A &amp;\n B </TITLE>"))

    assert list(record.items()) == [("status", 200), ("n", 1), ("title", "A & B")]
    assert describer.record(failure())["title"] is None


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="no such field: 'stats'"):
        Describer(engine="e", fields=("stats",))


def test_an_outcome_is_described_once_for_all_sinks() -> None:
    describer = Describer(engine="e")
    outcome = response()

    assert describer.record(outcome) is describer.record(outcome)


def test_a_line_of_json_is_ascii_and_one_line() -> None:
    line = encoded(Describer(engine="e").record(response(content_type="a\u2028b\n\x1b[31m\u202e")))

    assert line.isascii()
    assert line.count(b"\n") == 1
    assert b"\x1b" not in line
    assert json.loads(line)["content_type"] == "a\u2028b\n\x1b[31m\u202e"


def test_the_queue_time_is_what_passed_before_the_exchange() -> None:
    from dataclasses import replace

    outcome = failure()
    outcome = replace(outcome, request=replace(outcome.request, since=100.0))

    record = Describer(engine="e", clock=lambda: 102.0).record(outcome)

    assert record["time_queue"] == pytest.approx(1.5)


@given(
    st.dictionaries(
        st.sampled_from(FIELDS),
        st.none() | st.booleans() | st.integers() | st.text()
        | st.floats(0, 1e6) | st.lists(st.text()) | st.lists(st.dictionaries(st.text(), st.text())),
    )
)  # fmt: skip
def test_a_line_of_json_is_what_json_dumps_writes(record) -> None:
    expected = json.dumps(record, separators=(",", ":")).encode() + b"\n"

    assert encoded(record) == expected


def test_a_skip_has_the_same_fields_and_no_times() -> None:
    record = Describer(engine="gevent").record(skip())

    assert tuple(record) == FIELDS
    assert (record["status"], record["ok"], record["error"]) == (None, False, "robots.disallowed")
    assert record["error_text"] == "Disallow: /private"
    assert (record["n"], record["input"], record["attempts"]) == (3, "c.test/private", 0)
    assert {record[name] for name in FIELDS if name.startswith("time_")} == {0.0}
    assert (record["started"], record["sha256"], record["ip"]) == (None, None, None)


def test_a_link_has_no_number_and_tells_where_it_stood_when_asked() -> None:
    outcome = response(number=0, depth=2, parent="http://a.test/list")

    record = Describer(engine="e", fields=("n", "depth", "parent")).record(outcome)

    assert record == {"n": None, "depth": 2, "parent": "http://a.test/list"}


def test_what_a_line_carries_comes_last_and_replaces_nothing() -> None:
    carried = {"id": 7, "Status": "sold", "input.x": None, "deep": {"a": [1]}, "carried": True}
    outcome = response(carried=json.dumps(carried))

    record = Describer(engine="e").record(outcome)

    assert tuple(record)[: len(FIELDS)] == FIELDS
    assert record["status"] == 200
    assert list(record.items())[len(FIELDS) :] == [
        ("id", 7),
        ("input.Status", "sold"),
        ("input.input.x", None),
        ("deep", {"a": [1]}),
        ("input.carried", True),
    ]


def test_a_table_has_one_column_for_what_is_not_known_in_advance() -> None:
    describer = Describer(engine="e")

    row = dict(zip(describer.fields, describer.row(response(carried='{"id":7}')), strict=True))

    assert describer.fields == (*FIELDS, "carried")
    assert row["carried"] == '{"id":7}'
    assert describer.row(response())[-1] is None


def test_columns_known_in_advance_are_fields_of_every_record() -> None:
    describer = Describer(engine="e", columns=("id", "url", "id"))

    without = describer.record(failure())
    row = describer.row(response(carried='{"id":"7","url":"x"}'))

    assert describer.fields == (*FIELDS, "id", "input.url")
    assert row[-2:] == ["7", "x"]
    assert (without["id"], without["input.url"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "record"),
    [
        (("status", "id"), {"status": 200, "id": 7}),
        (("carried", "status"), {"id": 7, "name": "x", "status": 200}),
        (("status",), {"status": 200}),
    ],
)
def test_chosen_fields_may_name_what_lines_carry(fields, record) -> None:
    describer = Describer(engine="e", fields=fields, columns=("id", "name"))

    made = describer.record(response(carried='{"id":7,"name":"x"}'))

    assert list(made.items()) == list(record.items())
    assert describer.fields == tuple(record)


@pytest.mark.parametrize(
    "carried",
    ["{", "[1]", '{"a":' * 100_000, '{"a":' + "9" * 5000 + "}", "null"],
    ids=["torn", "a list", "deep", "a long number", "null"],
)
def test_what_is_no_object_is_carried_as_text(carried: str) -> None:
    record = Describer(engine="e").record(response(carried=carried))

    assert record["input.carried"] == carried


def test_numbers_that_json_has_not_become_text() -> None:
    record = Describer(engine="e").record(response(carried='{"a":NaN,"b":1e999,"c":1.5}'))

    assert (record["a"], record["b"], record["c"]) == ("NaN", "1e999", 1.5)
    json.loads(encoded(record), parse_constant=pytest.fail)


class Words:
    """A selection that takes the body's words."""

    names = ("first", "title")

    def of(self, response):
        first, *_ = response.body.decode().split()
        return {"first": first, "title": "chosen"}


def test_fields_from_pages_come_after_ours_and_are_null_without_a_page() -> None:
    describer = Describer(engine="e", selection=Words())

    fetched = describer.record(response(b"alpha beta"))
    failed = describer.record(failure())

    assert describer.fields == (*FIELDS, "first", "title", "carried")
    assert (fetched["first"], fetched["title"]) == ("alpha", "chosen")
    assert (failed["first"], failed["title"]) == (None, None)


def test_fields_from_pages_stand_where_they_are_named() -> None:
    describer = Describer(engine="e", fields=("title", "n"), selection=Words())

    record = describer.record(response(b"alpha beta"))

    assert list(record.items()) == [("title", "chosen"), ("n", 1), ("first", "alpha")]
    assert describer.fields == ("title", "n", "first")


@pytest.mark.parametrize("name", ["url", "carried", "x"])
def test_a_name_for_two_fields_is_refused(name: str) -> None:
    class Twice(Words):
        names = ("x", name)

    with pytest.raises(ValueError, match=f"there is a field '{name}' already"):
        Describer(engine="e", selection=Twice())


@given(
    url=st.text(max_size=40),
    text=st.text(max_size=40),
    content_type=st.one_of(st.none(), st.text(st.characters(max_codepoint=255), max_size=40)),
    peer=st.sampled_from(["", "127.0.0.1 8080", "::1 80", "fe80::1%eth0 443"]),
    version=st.sampled_from(["", "1.0", "1.1"]),
    seconds=st.floats(min_value=0, max_value=1e9),
    number=st.integers(min_value=0),
    status=st.integers(min_value=100, max_value=599),
    truncated=st.sampled_from(["", "length"]),
    warnings=st.sampled_from([(), ("warn.x",)]),
    via=st.sampled_from([(), ("http://b.test/",)]),
    carried=st.sampled_from(["", '{"a":1}']),
)
def test_the_line_of_a_page_says_what_its_record_says(
    url: str, text: str, content_type: str | None, peer: str, version: str, seconds: float,
    number: int, status: int, truncated: str, warnings: tuple[str, ...], via: tuple[str, ...],
    carried: str,
) -> None:  # fmt: skip
    first = response(url=url, text=text, number=number, via=via, carried=carried, status=status)
    fields = (("Content-Type", content_type),) if content_type is not None else ()
    page = replace(
        first,
        headers=Headers(fields),
        peer=peer,
        http_version=version,
        truncated=truncated,
        warnings=warnings,
        timing=Timing(seconds, seconds / 3, seconds / 7, 0.0, seconds / 11, seconds),
    )
    named = {"engine": 'a"b', "keep": lambda body, digest: digest[:4], "clock": lambda: 0.0}

    line = Describer(**named).line(page)

    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line) == Describer(**named).record(page)
    assert list(json.loads(line)) == list(Describer(**named).record(page))


def test_a_line_is_made_once_for_all_that_write_it() -> None:
    describer = Describer(engine="selectors")
    page = response()

    assert describer.line(page) is describer.line(page)
    assert describer.line(response(body=b"other")) != describer.line(page)


def test_fields_that_were_chosen_are_all_that_a_line_has() -> None:
    line = Describer(engine="selectors", fields=("url", "status")).line(response())

    assert json.loads(line) == {"url": "http://a.test/", "status": 200}

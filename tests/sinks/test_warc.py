"""WARC files, read back by warcio: what we write is what others find."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sinks.outcomes import failure, response, skip

import crawler
from crawler import sinks
from crawler.errors import ConnectionLost, DecodeError, FetchError, SinkError
from crawler.model import Limits, Request, Response
from crawler.serving.fixture import Site
from crawler.sinks._warc_records import Records, masked
from crawler.sinks.record import Describer
from crawler.wire.capture import Capture

pytest.importorskip("warcio")

GET = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def fetched(
    body: bytes = b"hello", *, wire: bytes = b"", sent: bytes = GET, **given: Any
) -> Response:
    made = response(body, **given)
    return replace(made, sent=sent, wire=wire or HEAD % len(body) + body)


def opened(path: Path, **given: Any) -> sinks.Output:
    return sinks.open(str(path), Describer(engine="selectors"), **given)


def written(path: Path, *outcomes: Any, **given: Any) -> list[dict[str, Any]]:
    sink = opened(path, **given)
    for outcome in outcomes:
        sink.write(outcome)
    sink.close()
    return records(path)


def records(path: Path) -> list[dict[str, Any]]:
    """Every record: its head as a dictionary, and its block under ""."""
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as file:
        return [
            {**dict(record.rec_headers.headers), "": record.raw_stream.read()}
            for record in ArchiveIterator(file, no_record_parse=True)
        ]


def check(*paths: Path) -> str:
    """What ``warcio check`` complains of."""
    command = [sys.executable, "-m", "warcio.cli", "check", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=9)
    return done.stdout + done.stderr if done.returncode else ""


def by_type(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in found if record["WARC-Type"] == kind]


def responses(parts: list[Path]) -> list[str]:
    """The URLs of all responses."""
    return [
        answer["WARC-Target-URI"] for part in parts for answer in by_type(records(part), "response")
    ]


def test_a_fetch_is_a_response_its_request_and_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    wire = b"HTTP/1.1 200  \xe9h\r\nTransfer-Encoding:chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n"

    found = written(
        path,
        fetched(b"ok", wire=wire, depth=2, parent="http://a.test/p", via=("http://a.test/v",)),
    )

    assert [record["WARC-Type"] for record in found] == [
        "warcinfo", "response", "request", "metadata",
    ]  # fmt: skip
    info, answer, request, about = found
    assert answer[""] == wire
    assert request[""] == GET
    assert answer["WARC-Date"] == "2026-01-02T03:04:05.678901Z"
    assert answer["WARC-IP-Address"] == "127.0.0.1"
    assert answer["WARC-Target-URI"] == request["WARC-Target-URI"] == "http://a.test/"
    assert request["WARC-Concurrent-To"] == answer["WARC-Record-ID"]
    assert about["WARC-Concurrent-To"] == answer["WARC-Record-ID"]
    assert {record["WARC-Warcinfo-ID"] for record in found[1:]} == {info["WARC-Record-ID"]}
    assert b"via: http://a.test/v\r\nhopsFromSeed: LLR\r\nfetchTimeMs: 250\r\n" in about[""]
    assert info["WARC-Filename"] == "out.warc.gz"
    assert "WARC-Truncated" not in answer
    assert check(path) == ""


def test_every_record_is_a_gzip_member_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"

    written(path, fetched(b"one"), fetched(b"two"))

    data, members = path.read_bytes(), 0
    import zlib

    while data:
        member = zlib.decompressobj(31)
        assert member.decompress(data).startswith(b"WARC/1.1\r\n")
        data, members = member.unused_data, members + 1
    assert members == 1 + 2 * 3


def test_without_gz_it_is_not_compressed(tmp_path: Path) -> None:
    path = tmp_path / "out.warc"

    written(path, fetched())

    assert path.read_bytes().startswith(b"WARC/1.1\r\nWARC-Type: warcinfo\r\n")
    assert check(path) == ""


def test_an_identical_body_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"

    found = written(
        path, fetched(url="http://a.test/1"), fetched(url="http://a.test/2"), fetched(b"other")
    )

    (first, _), (again,) = by_type(found, "response"), by_type(found, "revisit")
    assert again["WARC-Refers-To"] == first["WARC-Record-ID"]
    assert again["WARC-Refers-To-Target-URI"] == "http://a.test/1"
    assert again["WARC-Refers-To-Date"] == first["WARC-Date"]
    assert again["WARC-Payload-Digest"] == first["WARC-Payload-Digest"]
    assert again["WARC-Profile"].endswith("/1.1/revisit/identical-payload-digest")
    assert again[""] == HEAD % 5
    assert len(by_type(found, "request")) == 3
    assert check(path) == ""


def test_pages_without_a_body_are_no_revisits(tmp_path: Path) -> None:
    found = written(tmp_path / "out.warc.gz", fetched(b""), fetched(b""))

    assert len(by_type(found, "response")) == 2


@pytest.mark.parametrize("reason", ["disconnect", "time", "length", "unspecified"])
def test_a_torn_message_says_so(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "out.warc.gz"
    lost = ConnectionLost("torn")
    lost.partial = fetched(b"hel", wire=HEAD % 5 + b"hel", truncated=reason)

    found = written(path, failure(error=lost), fetched(b"hel"))

    torn, whole = by_type(found, "response")
    assert torn["WARC-Truncated"] == reason
    assert torn[""].endswith(b"\r\n\r\nhel")
    assert "WARC-Truncated" not in whole
    assert check(path) == ""


def test_a_whole_message_that_is_no_page_is_whole(tmp_path: Path) -> None:
    bad = DecodeError("not gzip")
    bad.partial = fetched(b"hello", truncated="unspecified")

    (answer,) = by_type(written(tmp_path / "out.warc.gz", failure(error=bad)), "response")

    assert "WARC-Truncated" not in answer


def test_what_was_never_answered_has_no_record(tmp_path: Path) -> None:
    found = written(tmp_path / "out.warc.gz", failure(), skip())

    assert [record["WARC-Type"] for record in found] == ["warcinfo"]


def test_credentials_are_masked(tmp_path: Path) -> None:
    sent = (
        GET[:-2] + b"AUTHORIZATION: Basic s3cret\r\nCookie : a=s3cret\r\nX: y\r\n\r\ncookie: kept"
    )
    path = tmp_path / "out.warc"

    written(path, fetched(sent=sent, url="http://user:s3cret@a.test/"))

    assert b"s3cret" not in path.read_bytes()
    assert masked(sent) == (
        GET[:-2] + b"AUTHORIZATION: ***\r\nCookie : ***\r\nX: y\r\n\r\ncookie: kept"
    )


@pytest.mark.parametrize("hostile", ["a\r\nWARC-Type: x", "a\n\nWARC/1.1\r\n", "\0\r", "\u2028é"])
def test_nothing_remote_becomes_a_line_of_a_head(tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "out.warc.gz"
    answer = fetched(
        reason=hostile, url=f"http://a.test/{hostile}", parent=f"http://a.test/{hostile}"
    )

    found = written(path, answer, replace(answer, wire=b"", warnings=(hostile,), body=b"x"))

    assert len(by_type(found, "warcinfo")) == 1
    assert len(by_type(found, "request")) == 2
    assert len(found) == 7
    assert {name for record in found for name in record} <= {
        "", "WARC-Type", "WARC-Record-ID", "WARC-Date", "WARC-Filename", "Content-Type",
        "WARC-Block-Digest", "Content-Length", "WARC-Target-URI", "WARC-Warcinfo-ID",
        "WARC-IP-Address", "WARC-Payload-Digest", "WARC-Concurrent-To", "WARC-Profile",
        "WARC-Refers-To", "WARC-Refers-To-Target-URI", "WARC-Refers-To-Date", "WARC-Truncated",
    }  # fmt: skip
    assert check(path) == ""


def test_the_next_part_begins_when_one_is_full(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path, warc_size=4000)
    for number in range(20):
        sink.write(fetched(os.urandom(1000), url=f"http://a.test/{number}"))
    sink.close()

    parts = sorted(tmp_path.iterdir())

    assert [part.name for part in parts[:2]] == ["out-00001.warc.gz", "out-00002.warc.gz"]
    assert len(parts) > 4
    assert all(len(by_type(records(part), "warcinfo")) == 1 for part in parts)
    uris = [
        each["WARC-Target-URI"] for part in parts for each in by_type(records(part), "response")
    ]
    assert sorted(uris) == sorted(f"http://a.test/{number}" for number in range(20))
    assert check(*parts) == ""


def test_a_mark_leads_back_to_its_part(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path, warc_size=3000)
    marks = {}
    for number in range(9):
        sink.write(fetched(os.urandom(1000), url=f"http://a.test/{number}"))
        marks[number] = sink.mark()
    sink.close()

    again = opened(path, mode="resume", mark=marks[4], warc_size=3000)
    again.write(fetched(url="http://a.test/again"))
    again.close()

    parts = sorted(tmp_path.iterdir())
    uris = {
        each["WARC-Target-URI"] for part in parts for each in by_type(records(part), "response")
    }
    assert uris == {f"http://a.test/{name}" for name in (0, 1, 2, 3, 4, "again")}
    assert check(*parts) == ""


def test_records_after_a_resume_name_the_warcinfo_of_their_part(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path)
    mark = sink.mark()
    sink.close()

    info, answer, *_ = written(path, fetched(), mode="resume", mark=mark)

    assert answer["WARC-Warcinfo-ID"] == info["WARC-Record-ID"]


def test_a_part_that_is_gone_is_said(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path, warc_size=1)
    sink.write(fetched(b"1"))
    sink.write(fetched(b"2"))
    mark = sink.mark()
    sink.close()
    path.unlink()

    with pytest.raises(SinkError, match="is gone"):
        opened(path, mode="resume", mark=mark)


@pytest.mark.parametrize("mark", ["x", "1", "-1:2:3", "0:x", "²:1:2"])
def test_no_mark_of_ours_is_refused(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "out.warc.gz"
    opened(path).close()

    with pytest.raises(SinkError):
        opened(path, mode="resume", mark=mark)


def test_files_that_are_there_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    (tmp_path / "out-00001.warc.gz").write_bytes(b"mine")

    with pytest.raises(SinkError, match="exists"):
        opened(path)

    written(path, fetched(), mode="overwrite")
    assert not (tmp_path / "out-00001.warc.gz").exists()
    with pytest.raises(SinkError, match="exists"):
        opened(path)


def test_to_append_is_to_begin_a_part(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    written(path, fetched())
    before = path.read_bytes()

    written(path, fetched(b"more"), mode="append")

    assert path.read_bytes() == before
    assert len(by_type(records(tmp_path / "out-00001.warc.gz"), "response")) == 1


@pytest.mark.parametrize("name", ["out.warc", "out.warc.gz"])
def test_a_beginning_without_records_is_begun_anew(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    opened(path).close()
    path.write_bytes(path.read_bytes()[:-9])

    found = written(path, fetched(), mode="resume")

    assert len(by_type(found, "warcinfo")) == 1
    with pytest.raises(SinkError, match="exists"):
        opened(path, mode="resume")


def test_a_proxy_is_not_taken_for_the_host(tmp_path: Path) -> None:
    _, answer, *_ = written(tmp_path / "out.warc", fetched(), proxied=True)

    assert "WARC-IP-Address" not in answer


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.sinks._warc_records.REMEMBERED", 2)
    made = Records(compress=False, proxied=False)

    kinds = [made.of(fetched(body)).split(b"\r\n")[1] for body in (b"1", b"2", b"1", b"3", b"2")]

    assert kinds.count(b"WARC-Type: revisit") == 1


def test_a_response_without_its_bytes_is_written_as_it_must_have_been() -> None:
    made = Records(compress=False, proxied=False)

    data = made.of(replace(fetched(), sent=b"", wire=b""))

    assert b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html; charset=UTF-8\r\n\r\nhello" in data
    assert b"WARC-Type: request" not in data


def test_odd_instants_are_told_in_utc() -> None:
    made = Records(compress=False, proxied=False)

    data = made.begin("a", datetime(2026, 1, 1, tzinfo=UTC))

    assert b"WARC-Date: 2026-01-01T00:00:00.000000Z\r\n" in data


_WRITE = """
import os, sys
from sinks.test_warc import fetched, opened
from pathlib import Path
sink = opened(Path(sys.argv[1]), warc_size=300_000)
print(sink.mark(), flush=True)
number = 0
while True:
    number += 1
    sink.write(fetched(os.urandom(50_000), url=f"http://a.test/{number}"))
    if number % 3 == 0:
        print(sink.mark(), flush=True)
"""


@pytest.mark.parametrize("marks", [1, 4, 9])
def test_a_killed_writer_is_resumed_to_a_sound_file(tmp_path: Path, marks: int) -> None:
    path = tmp_path / "out.warc.gz"
    tests = Path(__file__).parents[1]
    command = [sys.executable, "-c", _WRITE, str(path)]
    mark = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(tests)}
    ) as writer:
        assert writer.stdout is not None
        for _ in range(marks):
            mark = writer.stdout.readline().strip()
        writer.send_signal(signal.SIGKILL)
    newest = max(tmp_path.iterdir(), key=lambda part: part.stat().st_mtime_ns)
    with newest.open("ab") as file:
        file.write(gzip.compress(b"WARC/1.1\r\nWARC-Type: response\r\n")[:-9])  # in the midst

    sink = opened(path, mode="resume", mark=mark)
    sink.write(fetched(url="http://a.test/after"))
    sink.close()

    parts = sorted(tmp_path.iterdir())
    uris = [
        each["WARC-Target-URI"] for part in parts for each in by_type(records(part), "response")
    ]
    assert sorted(uris) == sorted(
        ["http://a.test/after", *(f"http://a.test/{n}" for n in range(1, (marks - 1) * 3 + 1))]
    )
    assert check(*parts) == ""


@pytest.mark.timeout(30)
@pytest.mark.parametrize("engine", ["selectors", "gevent", "threads+requests"])
def test_the_command_writes_what_crossed_the_wire(
    crawl: Any, site: Site, tmp_path: Path, engine: str
) -> None:
    path = tmp_path / "out.warc.gz"
    urls = [f"{site.url}/{page}" for page in ("page/0", "page/1", "page/2", "robots.txt")]

    done = crawl(
        "-e", engine, "-o", str(path), "--header", "Cookie: s3cret", *urls[:3], timeout=25.0
    )

    assert done.returncode == 0, done.stderr
    found = records(path)
    assert sorted(each["WARC-Target-URI"] for each in by_type(found, "request")) == urls
    assert all(each[""].startswith(b"HTTP/1.1 200") for each in found if each["WARC-Type"] in
               {"response", "revisit"})  # fmt: skip
    cookies = [each[""].count(b"Cookie: ***\r\n") for each in by_type(found, "request")]
    assert sorted(cookies) == [0, 1, 1, 1]  # robots.txt is asked for without
    # warcio 1.8.1 breaks off at a brotli body.
    assert all(
        b"\r\nAccept-Encoding: gzip, deflate\r\n" in r[""] for r in by_type(found, "request")
    )
    assert b"s3cret" not in gzip.decompress(path.read_bytes())
    assert check(path) == ""


def test_what_is_asked_for_by_name_stays(crawl: Any, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out.warc"

    done = crawl("-o", str(path), "-H", "accept-encoding: br", f"{site.url}/page/1", timeout=25.0)

    assert done.returncode == 0, done.stderr
    for request in by_type(records(path), "request"):
        assert request[""].lower().count(b"accept-encoding: br\r\n") == 1
        assert b"gzip" not in request[""]


def test_what_led_to_a_page_is_there_too(crawl: Any, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    state = ("--state", str(tmp_path / "crawl.db"))

    done = crawl("-o", str(path), *state, f"{site.url}/redirect/2", timeout=25.0)

    assert done.returncode == 0, done.stderr
    told = [
        (each["WARC-Target-URI"].removeprefix(site.url), each[""].split(b" ")[1])
        for each in by_type(records(path), "response")
    ]
    assert told == [
        ("/robots.txt", b"200"),
        ("/redirect/2", b"302"),
        ("/redirect/1", b"302"),
        ("/page/1", b"200"),
    ]
    assert check(path) == ""


def test_a_redirect_that_leads_nowhere_is_there(crawl: Any, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    url = f"{site.url}/redirect/3"

    crawl("-o", str(path), "--max-redirects", "1", "--robots", "ignore", url, timeout=25.0)

    told = [each["WARC-Target-URI"] for each in by_type(records(path), "response")]
    assert told == [url, f"{site.url}/redirect/2"]
    assert check(path) == ""


def test_a_program_gets_the_same(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out.warc"

    outcomes = list(crawler.crawl([f"{site.url}/redirect/1"], follow=False, outputs=iter([path])))

    assert [outcome.url for outcome in outcomes] == [f"{site.url}/page/1"]
    kinds = ["response", "request", "metadata"]
    assert [each["WARC-Type"] for each in records(path)] == ["warcinfo", *kinds * 3]
    for request in by_type(records(path), "request"):
        assert b"\r\nAccept-Encoding: gzip, deflate\r\n" in request[""]
    assert check(path) == ""


def test_the_same_fetch_twice_is_two_captures() -> None:
    made = Records(compress=False, proxied=False)
    page = fetched()
    again = replace(page, request=Request("http://a.test/2"))

    data = io.BytesIO(made.of(page) + made.of(again)).getvalue()

    assert data.count(b"WARC-Record-ID: ") == len(set(data.split(b"WARC-Record-ID: "))) - 1 == 6


_LINES = st.sampled_from(
    [
        *(b"A: b", b"A:", b"none", b" more", b"\t", b" ", b"\x0b", b"\x85", b"\xa0", b": x"),
        *(b"A : b", b"X: \xff\x0b\x85", b"WARC/1.1", b"WARC-Type: x", b"HTTP/1.1 200 OK"),
        *(b"\xc2\x85", b"\x0c: a"),
    ]
)
_ENDS = st.sampled_from([b"\r\n", b"\n"])
_BODIES = st.sampled_from([b"", b"x", b"\r\n", b"\n\n", b"\r\n\r\nx", b"HTTP/1.1 200 OK\r\n\r\n"])


@given(
    st.lists(st.tuples(_LINES, _ENDS), max_size=4),
    st.sampled_from([b"Content-Length: %d", b"Transfer-Encoding: chunked", b"X: %d"]),
    _ENDS,
    _BODIES,
)
def test_whatever_a_server_says_the_archive_is_sound(
    lines: list[tuple[bytes, bytes]], framing: bytes, end: bytes, body: bytes
) -> None:
    from warcio.archiveiterator import ArchiveIterator

    told = framing % len(body) if b"%" in framing else framing
    head = b"".join(line + after for line, after in [*lines, (told, b"\r\n")])
    content = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    wire = b"HTTP/1.1 200 OK\r\n" + head + end + (content if b"chunked" in told else body)
    parser = Capture("GET", Limits(), GET)
    try:
        if not parser.feed(wire):
            parser.end()
    except FetchError:
        return
    maker = Records(compress=True, proxied=False)
    when = datetime.now(UTC)
    made = parser.respond(Request("http://a.test/"), started=when, elapsed=0.1)
    file = maker.begin("a", when) + maker.of(made) + maker.of(made)

    found = []
    for record in ArchiveIterator(io.BytesIO(file), check_digests="raise"):
        record.content_stream().read()
        found.append(record.rec_type)
    blocks = [
        record.raw_stream.read()
        for record in ArchiveIterator(io.BytesIO(file), no_record_parse=True)
        if record.rec_type == "response"
    ]

    answers = [kind for kind in found if kind in {"response", "revisit"}]
    assert len(found) == 7
    assert len(answers) == 2
    assert set(blocks) == {parser.wire} == {wire[: len(wire) - parser.excess]}


def numbered(number: int) -> Response:
    return fetched(os.urandom(300), url=f"http://a.test/{number}")


def test_a_file_that_cannot_grow_ends_in_a_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        sink = opened(path)
        for number in range(40):
            sink.write(numbered(number))
        with pytest.raises(SinkError, match="File too large"):
            sink.flush()
        with pytest.raises(SinkError):
            sink.write(numbered(40))
        sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert 15_000 < path.stat().st_size <= 20_000
    assert responses([path]) == [f"http://a.test/{n}" for n in range(len(responses([path])))]
    assert len(records(path)) == 1 + 3 * len(responses([path]))
    assert check(path) == ""


def test_a_file_that_was_removed_meanwhile_says_so(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path)
    sink.write(fetched())
    sink.flush()
    path.unlink()
    sink.write(fetched())

    with pytest.raises(SinkError, match="was removed while it was written"):
        sink.flush()
    sink.close()


def test_a_mark_is_the_same_after_it_was_resumed_from(tmp_path: Path) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path, warc_size=1000)
    for number in range(5):
        sink.write(numbered(number))
    mark = sink.mark()
    sink.write(numbered(5))
    sink.close()

    again = opened(path, mode="resume", mark=mark, warc_size=1000)

    assert again.mark() == mark
    again.close()


@pytest.mark.parametrize("happen", ["gone", "short", "replaced"])
def test_a_file_that_is_not_what_the_mark_is_of_is_left_alone(tmp_path: Path, happen: str) -> None:
    path = tmp_path / "out.warc.gz"
    sink = opened(path)
    sink.write(fetched())
    mark = sink.mark()
    sink.close()
    size = path.stat().st_size
    if happen == "gone":
        path.unlink()
    elif happen == "short":
        os.truncate(path, size - 1)
    else:
        path.write_bytes(b"x" * size)
    before = path.read_bytes() if path.exists() else None

    with pytest.raises(SinkError, match="put it back, or name another output"):
        opened(path, mode="resume", mark=mark)

    assert (path.read_bytes() if path.exists() else None) == before


def test_sync_waits_for_the_part_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sink = opened(tmp_path / "out.warc.gz", warc_size=500)
    sink.write(numbered(1))

    def fsync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))

    monkeypatch.setattr("os.fsync", fsync)

    sink.write(numbered(2))  # begins a part: the one before is waited for, and the folder
    sink.sync()

    assert synced == [
        str(tmp_path / "out.warc.gz"),
        str(tmp_path),
        str(tmp_path / "out-00001.warc.gz"),
    ]
    sink.close()

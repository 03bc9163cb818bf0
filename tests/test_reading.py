"""URLs from files, arguments and stdin."""

from __future__ import annotations

import gzip
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crawler.errors import InputError
from crawler.frontier.seen import Seen
from crawler.lines import MAX_LINE
from crawler.model import Failure, Pause, Request
from crawler.reading import Reading, Template, check


def read(*inputs: object, **options) -> list[Request | Failure | Pause]:
    return list(Reading([str(name) for name in inputs], **options))


def urls(*inputs: object) -> list[str]:
    return [item.url for item in read(*inputs) if isinstance(item, Request)]


@pytest.fixture
def written(tmp_path: Path):
    def write(data: bytes, name: str = "urls.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


def test_blank_lines_and_comments_are_nothing(written) -> None:
    path = written(b"# all\n\nhttp://a.test/\n   \n  # more\nhttp://b.test/#part  # why\n\n")

    assert urls(path) == ["http://a.test/", "http://b.test/"]


def test_a_number_sign_without_space_before_it_belongs_to_the_url(written) -> None:
    (seed,) = read(written(b"http://a.test/x#part"))

    assert seed.url == "http://a.test/x"
    assert seed.text == "http://a.test/x#part"


@pytest.mark.parametrize(
    "data",
    [
        b"http://a.test/\r\nhttp://b.test/\r\n",
        b"\xef\xbb\xbfhttp://a.test/\nhttp://b.test/",
        "\ufeffhttp://a.test/\nhttp://b.test/\n".encode("utf-16-le"),
        "\ufeffhttp://a.test/\r\nhttp://b.test/\r\n".encode("utf-16-be"),
        "http://a.test/\nhttp://b.test/\n".encode("utf-16-le"),
        "http://a.test/\r\nhttp://b.test/\r\n".encode("utf-16-be"),
        gzip.compress(b"http://a.test/\nhttp://b.test/\n"),
        gzip.compress(b"http://a.test/\n") + gzip.compress(b"http://b.test/\n") + b"\0" * 512,
    ],
    ids=[
        "crlf",
        "bom",
        "utf-16-le",
        "utf-16-be",
        "utf-16-le without mark",
        "utf-16-be without mark",
        "gzip",
        "gzip members",
    ],
)
def test_the_same_list_is_read_however_it_was_saved(written, data: bytes) -> None:
    assert urls(written(data)) == ["http://a.test/", "http://b.test/"]


def test_a_bare_host_means_https(written) -> None:
    assert urls(written(b"example.org/a\nlocalhost:8080/b\n")) == [
        "https://example.org/a",
        "https://localhost:8080/b",
    ]


def test_a_line_that_is_no_url_is_reported_with_file_and_line(written) -> None:
    path = written(b"http://a.test/\n\nhttp://bad host/\nhttp://b.test/\n")

    items = read(path)

    assert [getattr(item, "request", item).number for item in items] == [
        1,
        2,
        3,
    ]
    assert items[1].error.code == "url.invalid"
    assert str(items[1].error) == f"{path}:3: not a URL: 'http://bad host/'"
    assert items[1].request.text == "http://bad host/"


def test_a_url_seen_before_is_a_duplicate_however_it_was_spelled(written) -> None:
    path = written(b"http://a.test\nHTTP://A.test:80/#x\n")

    first, second = read(path, seen=Seen())

    assert first.url == "http://a.test/"
    assert second.error.code == "url.duplicate"
    assert str(second.error) == f"{path}:2: seen before: http://a.test/"


@pytest.mark.parametrize(
    "line",
    [
        b"\0\1\2",
        b"http://a.test/\xff",
        b"http://a.test/a\tb",
        b"\x7fELF\2\1\1\0",
        b"?",
        b"://",
        b"/page/1",
    ],
)
def test_garbage_is_a_bad_line_and_the_rest_goes_on(written, line: bytes) -> None:
    items = read(written(line + b"\nhttp://a.test/\n"))

    assert items[0].error.code == "url.invalid"
    assert items[1].url == "http://a.test/"


def test_random_bytes_never_end_the_reading(written) -> None:
    path = written(os.urandom(300_000) + b"\nhttp://last.test/")

    assert read(path)[-1].url == "http://last.test/"


@pytest.mark.parametrize("length", [MAX_LINE + 1, 5 * MAX_LINE])
def test_a_line_that_is_too_long_is_one_bad_line(written, length: int) -> None:
    items = read(written(b"a" * length + b"\nhttp://a.test/\n"))

    assert [type(item) for item in items] == [Failure, Request]
    assert len(items[0].request.text) <= 200


def test_a_last_line_that_is_too_long_is_still_one_bad_line(written) -> None:
    (only,) = read(written(b"a" * (3 * MAX_LINE)))

    assert only.error.code == "url.invalid"


def test_several_inputs_are_numbered_through(written) -> None:
    one, two = written(b"http://a.test/\n", "one"), written(b"http://b.test/\n", "two")

    items = read(one, "http://c.test/", two)

    assert [(item.number, item.url) for item in items] == [
        (1, "http://a.test/"),
        (2, "http://c.test/"),
        (3, "http://b.test/"),
    ]


def test_a_password_in_a_url_becomes_a_header_and_leaves_the_url() -> None:
    template = Template(headers=(("X", "y"),))

    (seed,) = read("http://user:secret@a.test/", template=template)

    assert seed.url == "http://a.test/"
    assert seed.headers[0] == ("X", "y")
    assert seed.headers[1][0] == "Authorization"


def test_a_missing_file_is_said_at_once_with_what_may_have_been_meant() -> None:
    with pytest.raises(InputError, match=r"no.such.test.*https://no.such.test"):
        check(["no.such.test"])


def test_a_directory_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        check([str(tmp_path)])


def test_a_damaged_gzip_file_is_an_input_error(written) -> None:
    whole = gzip.compress(os.urandom(5000))

    with pytest.raises(InputError, match="cut short"):
        read(written(whole[:-20]))
    with pytest.raises(InputError, match="damaged"):
        read(written(whole[:10] + b"\xff" * 50))


def test_an_idle_pipe_gives_pauses_and_a_line_as_soon_as_it_is_there(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    items = iter(Reading([str(fifo)]))

    before = next(items)
    end = os.open(fifo, os.O_WRONLY)
    os.write(end, b"http://a.test/\nhttp://b.te")
    first = next(items)
    between = next(items)
    os.write(end, b"st/\n")
    second = next(items)
    os.close(end)

    assert isinstance(before, Pause)
    assert first.url == "http://a.test/"
    assert isinstance(between, Pause)
    assert second.url == "http://b.test/"
    assert list(items) == []


def test_the_size_is_known_only_of_regular_files(written, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    path = written(b"http://a.test/\n")

    reading = Reading([str(path), "http://b.test/"])
    list(reading)

    assert reading.size == reading.position == path.stat().st_size
    assert Reading([str(path), str(fifo)]).size == 0


def test_comments_without_end_let_the_exchanges_have_their_turn(written) -> None:
    items = read(written(b"# nothing\n" * 10_000))

    assert items
    assert all(isinstance(item, Pause) for item in items)


def test_a_long_list_is_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(30_000):
            file.write(b"http://a.test/%d\n" % number)
    reading = Reading([str(path)])
    items: Iterator[object] = iter(reading)
    next(items)

    tracemalloc.start()
    for _ in items:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert reading.lines == 30_000
    assert peak < 2_000_000


def test_every_seed_knows_when_it_was_read() -> None:
    before = time.monotonic()

    (seed,) = read("http://a.test/")

    assert before <= seed.since <= time.monotonic()


@pytest.mark.parametrize(
    "line",
    [
        "http://me:s3cret@a.test/x", "me:s3cret@a.test/x", "http://me:s3c@ret@a.test/",
        "http://me:s3cret@bad host/", "me:s3cret@bad host/", "http://me:s3cret@a.test:x/",
        "HTTPS://me:s3cret@a.test/\t",
    ],
)  # fmt: skip
def test_a_password_is_neither_recorded_nor_shown(written, line: str) -> None:
    path = written(f"{line}\n{line}\n".encode())

    for item in read(path, seen=Seen()):
        request = item if isinstance(item, Request) else item.request
        said = "" if isinstance(item, Request) else str(item.error)
        assert "s3c" not in request.text + request.url + said
        assert "ret@" not in request.text + request.url + said


def test_an_at_sign_elsewhere_in_a_url_stays(written) -> None:
    (seed,) = read(written(b"http://a.test/@me:you@x?m=a:b@c\n"))

    assert seed.text == "http://a.test/@me:you@x?m=a:b@c"


@pytest.mark.parametrize(
    "data",
    [
        b"http://a.test/\nhttp://b.test/\nhttp://c.test/\nhttp://d.test/\n",
        gzip.compress(b"http://a.test/\nhttp://b.test/\nhttp://c.test/\nhttp://d.test/\n"),
        b"# four\n\nhttp://a.test/\nhttp://b.test/\nhttp://c.test/\n# one more\nhttp://d.test/\n",
    ],
    ids=["lines", "gzip", "comments"],
)
def test_the_share_of_a_short_list_grows_with_what_is_handed_out_not_with_what_was_read(
    written, data: bytes
) -> None:
    reading = Reading([str(written(data))])
    shares = []

    for entry in reading:
        assert isinstance(entry, Request)
        shares.append(reading.share)

    assert shares == sorted(shares)
    assert shares[0] < 0.5
    assert shares[1] < 0.75
    assert shares[-1] == reading.share == 1.0


def test_the_share_of_a_pipe_is_not_known() -> None:
    assert Reading(["http://a.test/"]).share is None


def test_shards_by_host_are_the_whole_list_each_line_once(written) -> None:
    lines = [f"http://h{number % 40}.test:{80 + number % 3}/{number}" for number in range(400)]
    path = written("\n".join([*lines, "# a comment", "no url at all", "ftp://x/"]).encode())

    parts = [read(path, shard=(part, 3)) for part in (1, 2, 3)]

    found = [item for part in parts for item in part if not isinstance(item, Pause)]
    texts = [item.request.text if isinstance(item, Failure) else item.text for item in found]
    assert sorted(texts) == sorted([*lines, "no url at all", "ftp://x/"])
    hosts = [
        {urlsplit(item.url).hostname for item in part if isinstance(item, Request)}
        for part in parts
    ]
    assert all(hosts)
    assert sum(map(len, hosts)) == len(set.union(*hosts)) == 40
    for part in parts:
        assert [item.number for item in part if isinstance(item, Request)][:1] == [1]


def test_a_shard_counts_its_own_lines_and_gives_turns_while_it_passes_others_over(written) -> None:
    path = written("".join(f"http://one.test/{n}\n" for n in range(5000)).encode())
    readings = [Reading([str(path)], shard=(part, 2)) for part in (1, 2)]

    given = [list(reading) for reading in readings]

    assert sorted(reading.lines for reading in readings) == [0, 5000]
    assert sorted(len(items) for items in given) == [2, 5000]
    assert all(reading.share == 1.0 for reading in readings)

"""A crawl as files: where they lie, that they stay there, and what their links become."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sinks.outcomes import failure, response, skip

from crawler import urls
from crawler.errors import InvalidURL, SinkError
from crawler.model import Final
from crawler.sinks._places import place
from crawler.sinks.mirror import Mirror

HOST = "http://a.test"


def page(path: str, body: str | bytes = b"<p>hello", **named):
    body = body.encode() if isinstance(body, str) else body
    url = path if path.startswith("http") else HOST + path
    return response(body, url=urls.canonical(url), **named)


def mirrored(folder: Path, *outcomes, mode: str = "new") -> dict[str, str]:
    """The files of a mirror that was given the outcomes."""
    mirror = Mirror(str(folder), mode=mode)
    for outcome in outcomes:
        mirror.write(outcome)
    mirror.close()
    return files(folder)


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode("latin-1")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".crawl-mirror")
    }


PNG = "image/png"


@pytest.mark.parametrize(
    ("url", "kind", "file"),
    [
        ("http://a.test/", "text/html", "a.test/index.html"),
        ("https://a.test:8443/", "text/html", "a.test_8443/index.html"),
        ("http://[::1]:80/x", "text/html", "__1/x.html"),
        ("http://a.test/b/c.htm", "text/html; charset=x", "a.test/b/c.htm"),
        ("http://a.test/b/", "text/html", "a.test/b/index.html"),
        ("http://a.test/b.php", "text/html", "a.test/b.php.html"),
        ("http://a.test/?q=1&r=a/b", "text/html", "a.test/index@q=1&r=a%2Fb.html"),
        ("http://a.test/s.css?v=2", "text/css", "a.test/s.css@v=2.css"),
        ("http://a.test/pic", PNG, "a.test/pic.png"),
        ("http://a.test/pic.PNG", PNG, "a.test/pic.PNG"),
        ("http://a.test/notes.c", "text/plain", "a.test/notes.c"),
        ("http://a.test/some", "application/x-odd", "a.test/some"),
        ("http://a.test/a%20b/%C3%A9", PNG, "a.test/a%20b/%C3%A9.png"),
        ("http://a.test/.htaccess", "", "a.test/%2Ehtaccess"),
        ("http://a.test/%2e%2e/%2e%2e/etc", "", "a.test/etc"),
        ("http://a.test/..%2f..%2fetc", "", "a.test/%2E.%2f..%2fetc"),
        ("http://a.test/a//b", "", "a.test/a/~/b"),
        ("http://a.test/con/aux.html", "text/html", "a.test/con~/aux~.html"),
        ("http://a.test/a|b:c*d/e.", "", "a.test/a%7Cb%3Ac%2Ad/e%2E"),
        ("http://a.test/~me/", "text/html", "a.test/~me/index.html"),
    ],
)
def test_a_url_becomes_a_name_that_every_file_system_takes(url: str, kind: str, file: str) -> None:
    found = place(urls.canonical(url), kind, is_page=kind.startswith("text/html"))

    assert "/".join(found) == file


@given(st.text(max_size=2000), st.sampled_from(["", "text/html", PNG, "text/plain"]))
def test_no_url_leads_out_of_the_folder(text: str, kind: str) -> None:
    try:
        url = urls.canonical(f"http://a.test/{text}")
    except InvalidURL:
        return

    names = place(url, kind, is_page=False)

    for name in names:
        assert name not in {"", ".", ".."}
        assert not name.startswith(".")
        assert not name.endswith((".", " "))
        assert name.isascii()
        assert not set(name) & set('/\\:*?"<>|\0')
        assert len(name) <= 130
    assert len("/".join(names)) <= 1000


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (page("/a", "1", content_type=PNG), page("/A", "2", content_type=PNG), 2),
        (page("/x/b"), page("/X/B"), 2),
        (page("/a", content_type="x/y"), page("/a/b", content_type="x/y"), 2),
        (page("/a/b", content_type="x/y"), page("/a", content_type="x/y"), 2),
        (page("/A", content_type="x/y"), page("/a/b", content_type="x/y"), 2),
        (page("http://a.test/"), page("https://a.test/"), 2),
        (page("/%7C"), page("/|"), 2),
        (page("/" + "x" * 500), page("/" + "x" * 501), 2),
        (page("/" + "d/" * 300), page("/" + "d/" * 301), 2),
    ],
)
def test_what_could_meet_has_different_places(tmp_path: Path, first, second, expected: int) -> None:
    found = mirrored(tmp_path / "m", first, second, first, second)

    assert len({name.lower() for name in found}) == expected


def test_only_whole_pages_are_kept(tmp_path: Path) -> None:
    outcomes = (
        page("/gone", status=404),
        page("/half", truncated="disconnect"),
        page("/moved", status=301),
        failure(),
        skip(),
        page("/here"),
    )

    assert list(mirrored(tmp_path / "m", *outcomes)) == ["a.test/here.html"]


PAGE = """<a href="/b">b</a> <a href='b#x y'>b</a> <a href=/none?a=1&amp;b=2#y>n</a>
<img src="//a.test/p.png" srcset="p.png 1x, none.png 2x"><a href="#here">h</a>
<form action="/b"></form> <a href="mailto:x@a.test">m</a> <a href="http://a.test/old">o</a>
<!-- <a href="/b"> --><script>"<a href='/b'>"</script> <A HREF = "/b" >b</A>
<meta http-equiv=refresh content="5; url=/b"> <a href="http://other.test/">o</a>\xe9"""
LINKED = """<a href="b.html">b</a> <a href='b.html#x%20y'>b</a> \
<a href=http://a.test/none?a=1&amp;b=2#y>n</a>
<img src="p.png" srcset="p.png 1x, http://a.test/none.png 2x"><a href="#here">h</a>
<form action="b.html"></form> <a href="mailto:x@a.test">m</a> <a href="b.html">o</a>
<!-- <a href="/b"> --><script>"<a href='/b'>"</script> <A HREF = "b.html" >b</A>
<meta http-equiv=refresh content="5; url=b.html"> <a href="http://other.test/">o</a>\xe9"""


def test_links_lead_to_the_files_and_nothing_else_changes(tmp_path: Path) -> None:
    found = mirrored(
        tmp_path / "m",
        page("/", PAGE.encode("latin-1"), content_type="text/html; charset=windows-1252"),
        page("/b", via=("http://a.test/old",)),
        page("/p.png", content_type=PNG),
    )

    assert found["a.test/index.html"] == LINKED


def test_ways_go_up_and_down_and_to_other_hosts(tmp_path: Path) -> None:
    links = '<a href="../"><a href="c%20d?e=1"><a href="//b.test:81/"><a href="?">'
    found = mirrored(
        tmp_path / "m",
        page("/x/y", links),
        page("/"),
        page("/x/c%20d?e=1"),
        page("http://b.test:81/"),
    )

    assert found["a.test/x/y.html"] == (
        '<a href="../index.html"><a href="c%2520d%40e%3D1.html">'
        '<a href="../../b.test_81/index.html"><a href="http://a.test/x/y?">'
    )


def test_a_base_is_honoured_once(tmp_path: Path) -> None:
    told = '<base href="/x/"><a href="b"><a href="#t"><a href="c">'
    outcomes = (page("/", told), page("/x/b"))

    found = mirrored(tmp_path / "m", *outcomes)
    again = mirrored(tmp_path / "m")

    expected = (
        '<base href="./"><a href="a.test/x/b.html"><a href="http://a.test/x/#t">'
        '<a href="http://a.test/x/c">'
    )
    assert found["a.test/index.html"] == expected.replace("a.test/x/b.html", "x/b.html")
    assert again == found


def test_a_page_without_links_keeps_every_byte(tmp_path: Path) -> None:
    body = bytes(range(256)).replace(b"<", b"") + b"<p title='\xff\r\n'>"

    found = mirrored(tmp_path / "m", page("/", body), page("/x", b"\xff\xfe<\0a\0"))

    assert found["a.test/index.html"].encode("latin-1") == body


@pytest.mark.parametrize(
    "vice",
    [
        '<a href="x">',
        "<",
        "<base>",
        "<a ",
        "<!--",
        "<img srcset='x 1x,'>",
        "&amp;",
        "</",
        "<title>",
    ],
)
def test_what_is_gone_over_is_bounded_and_the_rest_stays(tmp_path: Path, vice: str) -> None:
    body = (vice * (3_000_000 // len(vice))).encode()

    found = mirrored(tmp_path / "m", page("/", body), page("/x"))["a.test/index.html"]

    assert found.encode().replace(b"x.html", b"x") == body
    assert found.endswith(vice * 1000)


def test_a_second_run_leaves_what_one_would(tmp_path: Path) -> None:
    outcomes = (page("/", PAGE), page("/b"), page("/A"), page("/a"))
    once = mirrored(tmp_path / "m", *outcomes)

    twice = mirrored(tmp_path / "m", *reversed(outcomes))

    assert twice == once


def test_a_mirror_that_goes_on_links_to_what_came_later(tmp_path: Path) -> None:
    outcomes = (page("/", '<a href="b"><a href="c">'), page("/b", '<a href="c">'), page("/c"))
    at_once = mirrored(tmp_path / "once", *outcomes)

    mirrored(tmp_path / "m", *outcomes[:1])
    mirrored(tmp_path / "m", outcomes[1])
    in_parts = mirrored(tmp_path / "m", outcomes[2], mode="resume")

    assert in_parts == at_once


def test_what_was_written_before_a_death_goes_on(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        mirror = Mirror(str(tmp_path / "m"))
        mirror.write(page("/", '<a href="b">'))
        mirror.flush()
        mirror.write(page("/b"))
        os._exit(9)
    os.waitpid(child, 0)

    found = mirrored(tmp_path / "m", page("/b"), mode="resume")

    assert found == {"a.test/index.html": '<a href="b.html">', "a.test/b.html": "<p>hello"}


def test_no_link_on_the_disk_is_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "victim").write_text("mine")
    mirrored(tmp_path / "m", page("/", '<a href="/d/x">'))
    index = tmp_path / "m" / "a.test" / "index.html"
    index.unlink()
    index.symlink_to(tmp_path / "victim")
    (tmp_path / "m" / "a.test" / "d").symlink_to(tmp_path / "out")

    with pytest.raises(SinkError, match="cannot mirror into"):
        mirrored(tmp_path / "m", page("/", '<a href="/d/x">'), page("/d/x"))

    assert (tmp_path / "victim").read_text() == "mine"
    assert not list((tmp_path / "out").iterdir())
    assert not index.is_symlink()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_link_in_the_place_of_the_index_is_refused(tmp_path: Path, suffix: str) -> None:
    victim = tmp_path / "victim"
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / f".crawl-mirror.sqlite{suffix}").symlink_to(victim)

    with pytest.raises(SinkError, match="cannot mirror into"):
        Mirror(str(tmp_path / "m"))

    assert not victim.exists()


def test_a_damaged_index_is_said(tmp_path: Path) -> None:
    (tmp_path / ".crawl-mirror.sqlite").write_bytes(b"no database " * 100)

    with pytest.raises(SinkError, match="file is not a database"):
        Mirror(str(tmp_path))


def test_a_folder_with_other_files_is_not_taken_unless_asked(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")

    for mode in ("new", "resume"):
        with pytest.raises(SinkError, match="is no mirror"):
            Mirror(str(tmp_path), mode=mode)
    found = mirrored(tmp_path, page("/"), mode="append")

    assert found == {"a.test/index.html": "<p>hello", "thesis.txt": "mine"}


@pytest.mark.parametrize("name", ["file", "file/below", "x\0y"])
def test_a_place_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SinkError, match="cannot mirror into"):
        Mirror(str(tmp_path / name))


def test_a_full_disk_leaves_whole_files(tmp_path: Path) -> None:
    import resource

    mirror = Mirror(str(tmp_path / "m"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        mirror.write(page("/small"))
        with pytest.raises(SinkError, match="File too large"):
            mirror.write(page("/large", b"x" * 200_000))
        with pytest.raises(SinkError):
            mirror.write(page("/small"))
        mirror.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(files(tmp_path / "m")) == ["a.test/small.html"]
    assert not list(tmp_path.rglob("*.draft"))


def test_descriptors_are_given_back_and_few_are_held(tmp_path: Path) -> None:
    mirror = Mirror(str(tmp_path / "m"))
    for number in range(100):
        mirror.write(page(f"/{number}/{'d/' * 90}"))
    held = descriptors(tmp_path)
    mirror.close()

    assert 60 < held < 75
    assert descriptors(tmp_path) == 0


def descriptors(folder: Path) -> int:
    """How many this process has below the folder."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(link.readlink()).startswith(str(folder))
    return found


STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.listdir"}


def session(folder: Path, outcomes: list[Final], committed: Path, die_at: int) -> None:
    """Write what was not committed yet, and end before the step of that number."""
    left = die_at

    def step(event: str, _: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS:
            left -= 1
            if left == 0:
                os._exit(137)

    done = committed.stat().st_size if committed.exists() else 0
    fd = os.open(committed, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sys.addaudithook(step)
    mirror = Mirror(str(folder), mode="resume")
    for number, outcome in enumerate(outcomes[done:], 1):
        mirror.write(outcome)
        if number % 2 == 0:
            mirror.flush()
            os.write(fd, b"..")
    mirror.close()


@pytest.mark.timeout(60)
def test_a_death_before_any_step_changes_nothing(tmp_path: Path) -> None:
    outcomes: list[Final] = [
        page("/", '<base href="/x/"><a href="b"><a href="../c">'),
        page("/x/b", '<a href="/"><a href="/nowhere">'),
        page("/x", content_type="x/y"),
        page("/X"),
        page("/c", '<a href="x/b">', via=("http://a.test/nowhere",)),
        page("/c/d"),
    ]
    expected = mirrored(tmp_path / "whole", *outcomes)

    number, died = 0, True
    while died:
        number += 1
        folder, committed = tmp_path / f"m{number}", tmp_path / f"n{number}"
        codes: list[int] = []
        for die_at in (number, number, 0):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    session(folder, outcomes, committed, die_at)
                    code = 0
                finally:
                    os._exit(code)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        died = codes[0] == 137
        assert codes[2] == 0
        assert files(folder) == expected, number

    assert number > 30

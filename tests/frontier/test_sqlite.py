"""The state file: what outlives a process, a power cut and a second one; what is refused."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest
from frontier.frontiers import OPEN, Clock, end, finish, is_robots, made, page, taken, urls

from crawler import robots
from crawler.contracts import Facts, State
from crawler.errors import FrontierError
from crawler.frontier import _mounted, _schema, state_file
from crawler.frontier.state_file import StateFile
from crawler.model import Pause, Purpose, Request


def reopened(tmp_path: Path, **options):
    """The file as the next process finds it: what was not committed is gone."""
    OPEN.pop().close()
    return made("sqlite", tmp_path, **options)


def pages(frontier, count: int) -> None:
    for number in range(count):
        frontier.add(page("a", number))


def test_what_was_taken_and_not_finished_is_queued_again(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 3)
    first, second, _ = taken(frontier)
    finish(frontier, first)
    frontier.commit({"out": "10"})
    finish(frontier, second)  # the process dies before its commit

    frontier = reopened(tmp_path)

    assert frontier.marks == {"out": "10"}
    assert urls(taken(frontier)) == ["http://a/1", "http://a/2"]
    assert (frontier.waiting, frontier.counts[State.DONE]) == (2, 1)


def test_a_page_is_known_however_long_ago_it_was_added(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    for number in range(40):
        assert frontier.add(page("a", number))
        frontier.commit({})

    assert not any(frontier.add(page("a", number)) for number in range(40))

    frontier = reopened(tmp_path)

    assert not any(frontier.add(page("a", number)) for number in range(40))
    assert frontier.add(page("a", 40))
    assert frontier.waiting == 41


def test_links_and_the_state_of_their_page_are_one_commit(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 1)
    frontier.commit({})
    (first,) = taken(frontier)
    finish(frontier, first)
    frontier.add(page("a", 5, depth=1, parent=first.url))

    frontier = reopened(tmp_path)

    assert urls(taken(frontier)) == ["http://a/0"]
    assert frontier.add(page("a", 5))


def test_a_power_cut_takes_back_what_was_not_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_schema, "_boot", lambda: "first")
    frontier = made("sqlite", tmp_path)
    pages(frontier, 4)
    items = taken(frontier)
    finish(frontier, items[0])
    frontier.commit({"out": "1", "": "4"}, synced=True)
    finish(frontier, items[1])
    finish(frontier, items[2], State.FAILED, "net.reset")
    frontier.commit({"out": "3", "": "9"})

    monkeypatch.setattr(_schema, "_boot", lambda: "second")
    frontier = reopened(tmp_path)

    # The input's place is as of the last commit: what was read from it is still queued.
    assert frontier.marks == {"out": "1", "": "9"}
    assert urls(taken(frontier)) == ["http://a/1", "http://a/2", "http://a/3"]
    assert frontier.counts[State.DONE] == 1
    assert frontier.counts[State.FAILED] == 0


def test_a_redirect_on_the_way_is_followed_again_after_a_kill(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 2)
    first, second = taken(frontier)
    assert frontier.is_new(page("a", 9, via=(first.url,), row=first.row))
    frontier.commit({})

    frontier = reopened(tmp_path)
    first, second = taken(frontier)

    assert frontier.is_new(page("a", 9, via=(first.url,), row=first.row))
    assert not frontier.is_new(page("a", 9, via=(second.url,), row=second.row))


def test_a_page_is_known_wherever_its_fingerprint_is(tmp_path: Path) -> None:
    """In memory, in the table, in the rows that a kill left: once each."""
    frontier = made("sqlite", tmp_path)
    for number in range(5):  # three are enough for the table
        assert frontier.add(page("a", number))
    frontier.commit({})
    assert frontier._db.execute("SELECT count(*) FROM seen").fetchone() == (5,)
    assert frontier.add(page("a", 5))
    frontier.commit({})
    assert frontier.add(page("a", 6))  # killed before the next commit

    frontier = reopened(tmp_path)

    assert [frontier.add(page("a", number)) for number in range(8)] == [False] * 6 + [True] * 2
    frontier.commit({})
    fingerprints = "SELECT fingerprint, row FROM seen ORDER BY row"
    rows = "SELECT fingerprint, id FROM urls ORDER BY id"
    assert frontier._db.execute(fingerprints).fetchall() == frontier._db.execute(rows).fetchall()


def test_attempts_are_remembered(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 1)
    (first,) = taken(frontier)
    end(frontier, first)
    frontier.again(Request(first.url, row=first.row, attempt=3), after=60.0)
    frontier.commit({})

    frontier = reopened(tmp_path)

    (again,) = taken(frontier)
    assert again.attempt == 3


def test_rules_last_a_day_and_rests_outlive_the_process(tmp_path: Path) -> None:
    now = Clock(1_000_000.0)
    options = {"robots": True, "agent": "crawler", "wall": now}
    frontier = made("sqlite", tmp_path, **options)
    pages(frontier, 3)
    asked = frontier.take()
    end(frontier, asked)
    body = b"User-agent: *\nDisallow: /1"
    frontier.learn("http://a", robots.Robots(robots.parse(body, asked.url, "crawler"), body=body))
    frontier.commit({})

    frontier = reopened(tmp_path, **options)
    assert [item.url for item in taken(frontier)] == ["http://a/0", "http://a/1", "http://a/2"]
    frontier.ended(page("a"), robots_answer(), latency=0.0, rest=100.0, peer="")
    frontier.commit({})

    now.now += 99.0
    frontier = reopened(tmp_path, **options)
    assert not isinstance(frontier.take(), Request)
    now.now += 24 * 3600.0
    frontier = reopened(tmp_path, **options)
    assert is_robots(frontier.take())


def robots_answer():
    from crawler.politeness import Answer

    return Answer.THROTTLED


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    made("sqlite", tmp_path)

    with pytest.raises(FrontierError, match=r"in use by process \d+"):
        made("sqlite", tmp_path)


def test_others_may_read_meanwhile(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 3)
    first, second, _ = taken(frontier)
    finish(frontier, first)
    finish(frontier, second, State.FAILED, "net.reset")
    frontier.commit({})
    frontier.add(page("b"))

    with StateFile(tmp_path / "crawl.db") as file:
        overview = file.overview()
        rows = list(file.rows())

    assert overview.counts == {
        State.QUEUED: 1, State.DONE: 1, State.FAILED: 1, State.SKIPPED: 0,
    }  # fmt: skip
    assert overview.process
    assert overview.failed == (("net.reset", 1),)
    assert [(row["url"], row["state"]) for row in rows] == [
        ("http://a/0", "done"), ("http://a/1", "failed"), ("http://a/2", "queued"),
    ]  # fmt: skip
    OPEN.pop().close()
    assert not state_file.holder(tmp_path / "crawl.db")


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\0" + b"x" * 200])
def test_a_file_that_is_no_state_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "crawl.db"
    path.write_bytes(content)

    with pytest.raises(FrontierError, match="not the state of a crawl"):
        made("sqlite", tmp_path)

    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "crawl.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE urls(id)")
    other.commit()
    other.close()
    before = path.read_bytes()

    with pytest.raises(FrontierError, match="not the state of a crawl"):
        made("sqlite", tmp_path)

    assert path.read_bytes() == before


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    made("sqlite", tmp_path)
    OPEN.pop().close()
    db = sqlite3.connect(tmp_path / "crawl.db")
    db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(FrontierError, match="version 99"):
        made("sqlite", tmp_path)


def test_damage_is_found_or_harmless(tmp_path: Path) -> None:
    """A byte changed anywhere: the file is refused, or what it says is one of what it said."""
    frontier = made("sqlite", tmp_path)
    pages(frontier, 400)
    for item in taken(frontier)[:20]:
        finish(frontier, item)
    frontier.commit({})
    OPEN.pop().close()
    whole = (tmp_path / "crawl.db").read_bytes()
    known = {f"http://a/{number}" for number in range(400)}
    places = random.Random(5).sample(range(len(whole)), 60)

    for place in places:
        folder = tmp_path / str(place)
        folder.mkdir()
        damaged = bytearray(whole)
        damaged[place] ^= 0x41
        (folder / "crawl.db").write_bytes(damaged)
        try:
            frontier = made("sqlite", folder)
            some = [item.url for item in taken(frontier)]
            frontier.commit({})
        except (FrontierError, UnicodeDecodeError, ValueError):
            continue
        finally:
            while OPEN:
                OPEN.pop().close()
        assert len(set(some) & known) >= len(set(some)) - 1, place


def test_only_you_may_read_it(tmp_path: Path) -> None:
    made("sqlite", tmp_path)

    assert (tmp_path / "crawl.db").stat().st_mode & 0o077 == 0


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrontierError, match="nowhere"):
        made("sqlite", tmp_path / "nowhere")


def test_a_full_disk_is_a_frontier_error(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    frontier._db.execute("PRAGMA max_page_count = 40")

    with pytest.raises(FrontierError, match="full"):
        pages(frontier, 100_000)


def test_the_next_round_says_what_is_known(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 2)
    first, second = taken(frontier)
    facts = Facts("", 200, '"v1"', "Mon, 23 Nov 2026 15:00:00 GMT")
    for item, said in ((first, facts), (second, Facts("", 200))):
        end(frontier, item)
        frontier.finish(item, State.DONE, said)
    frontier.commit({})

    frontier = reopened(tmp_path, conditional=True)
    assert frontier.queue_all() == 2
    first, second = taken(frontier)

    assert dict(first.headers) == {
        "If-None-Match": '"v1"',
        "If-Modified-Since": "Mon, 23 Nov 2026 15:00:00 GMT",
    }
    assert second.headers == ()


def test_header_fields_are_kept_once(tmp_path: Path) -> None:
    usual = (("User-Agent", "x"),)
    frontier = made("sqlite", tmp_path, fields=usual)
    frontier.add(page("a", 1, headers=usual))
    frontier.add(page("a", 2, headers=(("A", "1"),)))
    frontier.add(page("a", 3, headers=(("A", "1"),)))
    frontier.commit({})

    frontier = reopened(tmp_path, fields=(("User-Agent", "y"),))

    assert [item.headers for item in taken(frontier)] == [
        (("User-Agent", "y"),), (("A", "1"),), (("A", "1"),),
    ]  # fmt: skip
    assert frontier._db.execute("SELECT count(*) FROM fields").fetchone() == (1,)


@pytest.mark.parametrize(
    ("wanted", "again"),
    [((), 3), (("timeout",), 2), (("timeout.idle",), 1), (("http.503",), 1), (("net",), 0)],
)
def test_what_failed_may_be_queued_again(
    tmp_path: Path, wanted: tuple[str, ...], again: int
) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 4)
    for item, code in zip(
        taken(frontier), ("timeout.idle", "timeout.tls", "http.503", ""), strict=True
    ):
        finish(frontier, item, State.FAILED if code else State.DONE, code)

    assert frontier.queue_failed(frozenset(wanted)) == again
    assert frontier.waiting == again
    assert frontier.counts[State.FAILED] == 3 - again
    assert len(taken(frontier)) == again


def test_only_a_front_is_in_memory(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    for number in range(3000):
        frontier.add(page(f"h{number % 3}", number))

    seen = set()
    while isinstance(item := frontier.take(), Request):
        finish(frontier, item)
        seen.add(item.url)
        assert sum(len(line.queue) for line in frontier.lines.by_origin.values()) <= 3 * 32

    assert len(seen) == 3000
    assert not frontier._front._hosts


def test_hosts_come_into_memory_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.frontier._front._LINES", 10)
    monkeypatch.setattr("crawler.frontier._front._IDLE", 10)
    monkeypatch.setattr("crawler.frontier._front._CHUNK", 4)
    clock = Clock()
    frontier = made("sqlite", tmp_path, clock=clock)
    for number in range(200):
        frontier.add(page(f"h{number}"))

    seen = []
    for _ in range(2000):
        item = frontier.take()
        if isinstance(item, Request):
            seen.append(item.url)
            finish(frontier, item)
            assert len(frontier._front._hosts) <= 14
        else:
            clock.now += 1.0
            if item is None and not frontier.waiting:
                break

    assert len(set(seen)) == len(seen) == 200
    assert len(frontier.lines.by_origin) <= 30


def test_sitemaps_are_no_pages(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    frontier.add(page("a", 1, purpose=Purpose.SITEMAP, depth=1))
    frontier.add(page("a", 1))
    frontier.commit({})

    frontier = reopened(tmp_path)
    first, second = taken(frontier)

    assert (frontier.waiting, first.purpose, second.purpose) == (1, Purpose.PAGE, Purpose.SITEMAP)
    finish(frontier, second)
    assert (frontier.waiting, frontier.counts[State.DONE]) == (1, 0)
    assert isinstance(frontier.take(), Pause | None)


def test_seeds_their_redirects_and_what_was_found_are_told_apart(tmp_path: Path) -> None:
    frontier = made("sqlite", tmp_path)
    pages(frontier, 2)
    first, _ = taken(frontier)
    frontier.is_new(Request("http://www.a/", via=(first.url,), row=first.row))
    for number, host in enumerate(("a", "a", "b")):
        frontier.add(Request(f"http://{host}/found/{number}", depth=1, parent=first.url))
    link = Request("http://b/hop", depth=1, parent=first.url, via=("http://b/found/2",), row=5)
    frontier.is_new(link)
    frontier.commit({})

    frontier = reopened(tmp_path)

    assert sorted(frontier.seeds()) == sorted({"http://a/0", "http://a/1"})
    assert list(frontier.moved()) == [(first.url, "http://www.a/")]
    assert sorted(frontier.found()) == [("http://a", 2), ("http://b", 1)]


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("20 1 8:1 / / rw - ext4 /dev/sda1 rw", ""),
        ("20 1 8:1 / / rw - ext4 a rw\n21 20 0:9 / {place} rw shared:1 - nfs4 srv:/x rw", "nfs4"),
        ("21 20 0:9 / {place} rw - cifs //srv/x rw\n22 21 8:2 / {place} rw - ext4 b rw", ""),
        ("21 20 0:9 / {place}x rw - nfs srv:/x rw\n20 1 8:1 / / rw - ext4 a rw", ""),
        ("20 1 0:5 / / rw - nfs srv:/root rw\nnonsense", "nfs"),
    ],
)
def test_a_state_on_another_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mounts: str, kind: str
) -> None:
    place = tmp_path / "a b"
    place.mkdir()
    told = tmp_path / "mountinfo"
    told.write_text(mounts.format(place=str(place).replace(" ", "\\040")) + "\n")
    monkeypatch.setattr(_mounted, "MOUNTS", told)

    if not kind:
        made("sqlite", place)
        return
    with pytest.raises(FrontierError, match=rf"lies on another machine \({kind}\)"):
        made("sqlite", place)
    assert not list(place.iterdir())

"""Die before the n-th step that touches a file, for every n; go on each time: FORMAT FOLDER ROWS.

One session writes 35 records, ROWS to a part of Parquet, and every four of them commits the mark,
as a crawl does. It dies before its n-th step, a second one dies there too, a third ends. Prints how
many n there were. The steps are those that Python tells audit hooks of (PEP 578).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dying import in_child
from sinks.outcomes import response
from sinks.test_contract import read

from crawler import sinks
from crawler.sinks.record import Describer

LAST = 35
STEPS = {"os.rename", "os.remove", "os.truncate", "os.mkdir", "os.link", "os.rmdir", "open"}
STEPS |= {"shutil.rmtree", "os.scandir", "sqlite3.connect"}
name, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])


def session(place: Path, die_at: int) -> None:
    from crawler.sinks import parquet_file

    parquet_file._ROWS = rows
    left = die_at

    def step(event: str, _: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS:
            left -= 1
            if left == 0:
                os._exit(137)

    state = place / "state"
    *_, committed = state.read_text().split("\n")[:-1] if state.exists() else ["0 "]
    count, _, mark = committed.partition(" ")
    sys.addaudithook(step)
    path = place / f"out.{name}"
    fields = ("n", "url", "title")
    sink = sinks.open(
        str(path),
        Describer(engine="e", fields=fields),
        mode="resume",
        mark=mark,
        warc_size=2500,
    )
    commit(state, int(count), sink.mark())
    for number in range(int(count) + 1, LAST + 1):
        sink.write(response(b"%d" % number, number=number, url=f"http://a.test/{number}"))
        if number % 4 == 0:
            commit(state, number, sink.mark())
    sink.close()


def commit(state: Path, count: int, mark: str) -> None:
    fd = os.open(state, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{count} {mark}\n".encode())
    os.close(fd)


def check(place: Path) -> None:
    if name.startswith("warc"):
        from sinks.test_warc import check as complaints
        from sinks.test_warc import responses

        parts = sorted(place.glob("out*"))
        urls = sorted(responses(parts))
        assert urls == sorted(f"http://a.test/{number}" for number in range(1, LAST + 1)), urls
        assert len(parts) > 3
        if place.name.endswith("0"):  # it is a process of its own
            assert complaints(*parts) == ""
        return
    found = [int(record["n"]) for record in read(place / f"out.{name}")]
    assert found == list(range(1, LAST + 1)), found
    assert {path.name for path in place.iterdir()} == {f"out.{name}", "state"}


if name == "parquet":
    import pyarrow.parquet  # noqa: F401 - once, not in every child

number = 0
died = 137
while died == 137:
    number += 1
    place = folder / str(number)
    place.mkdir()
    died = in_child(session, place, number)
    if died == 137:
        in_child(session, place, number)
        assert in_child(session, place, 0) == 0, number
    assert in_child(check, place) == 0, number
print(number - 1)

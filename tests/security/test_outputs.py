"""One hostile site, all outputs at once: none of them obeys it, and none loses count."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from security.hostile_site import NASTY, answer
from security.witness import Witness, witness

PROJECT = Path(__file__).parent.parent.parent
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What the command itself says to a terminal: colours, and the progress line erased.
OURS = re.compile(r"\x1b\[(?:0|31|33)m|\r\x1b\[K|\r\n")
FORMULA = re.compile("[\\s\\x00-\\x20\\xad\\u200b-\\u200f\\ufeff]*[=+@\uff1d\uff0b\uff20-]")
OUTPUTS = ("out.jsonl", "out.csv", "out.sqlite", "out.parquet", "out.warc.gz")
SELECT = ("--select", "h=h1", "--select", "all[]=p", "--select", "attr=p::attr(title)", "--text")
QUICK = ("--retries", "0", "--max-time", "3", "--first-byte-timeout", "3")


@pytest.fixture(scope="module")
def site() -> Iterator[Witness]:
    with witness(answer) as running:
        yield running


def _ran(folder: Path, *args: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "crawler", *args],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, timeout=50,
        check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def crawled(site: Witness, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder with every output of a crawl of the site; its stdout and stderr."""
    folder = tmp_path_factory.mktemp("crawled")
    outputs = [word for name in OUTPUTS for word in ("-o", name)]
    told = _ran(
        folder, f"http://127.0.0.1:{site.port}/", "--follow", "-vv", "-e", "selectors", "--json",
        *outputs, *SELECT, *QUICK, "--mirror", "mirror", "--save-dir", "bodies", "--state", "s.db",
        "--summary", "summary.json", "--manners", "manners.jsonl", "--requisites", "--sitemaps",
    )  # fmt: skip
    return folder, *told


def _records(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]


@pytest.mark.timeout(60)
def test_lines_and_logs_hold_nothing_that_steers_or_forges(crawled: tuple[Path, str, str]) -> None:
    folder, stdout, stderr = crawled
    texts = [stdout, stderr, *((folder / name).read_text() for name in
             ("out.jsonl", "summary.json", "manners.jsonl"))]  # fmt: skip

    for text in texts:
        found = UNSAFE.search(text)
        assert not found, text[max(0, found.start() - 80) : found.end() + 80]
        assert text.isascii()
    assert not [line for line in stderr.split("\n") if re.match(r"forged|\{|2026-01-01", line)]
    for line in [*stdout.splitlines(), *(folder / "out.jsonl").read_text().splitlines()]:
        assert "forged" not in json.loads(line)


@pytest.mark.timeout(60)
def test_every_output_has_every_record_once(crawled: tuple[Path, str, str]) -> None:
    folder, stdout, _ = crawled
    records = _records(folder)
    urls = {record["url"] for record in records}
    parquet = pytest.importorskip("pyarrow.parquet")
    with sqlite3.connect(folder / "out.sqlite") as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema")]
        (rows,) = db.execute("SELECT count(DISTINCT url) FROM pages").fetchone()
    db.close()
    with (folder / "out.csv").open(newline="") as file:
        table = list(csv.reader(file))

    assert len(records) == len(urls) > 6 * len(NASTY)
    assert len(stdout.splitlines()) == len(records)
    assert (tables, rows) == (["pages"], len(records))
    assert parquet.read_table(folder / "out.parquet").num_rows == len(records)
    assert len(table) - 1 == len(records)
    assert {len(row) for row in table} == {len(table[0])}


@pytest.mark.timeout(60)
def test_a_spreadsheet_runs_nothing_and_a_terminal_shows_it(
    crawled: tuple[Path, str, str],
) -> None:
    folder, _, _ = crawled
    _ran(folder, "export", "s.db", "-o", "state.csv", "--overwrite")
    cells = []
    for name in ("out.csv", "state.csv"):
        with (folder / name).open(newline="") as file:
            cells += [cell for row in csv.reader(file) for cell in row]

    assert not [cell for cell in cells if FORMULA.match(cell)]
    assert any(cell.startswith("'") for cell in cells)
    control = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")
    assert not [cell for cell in cells if control.search(cell)]


@pytest.mark.timeout(60)
def test_an_archive_has_the_records_that_were_written(
    site: Witness, crawled: tuple[Path, str, str]
) -> None:
    iterator = pytest.importorskip("warcio.archiveiterator").ArchiveIterator
    kinds: dict[str, int] = {}
    with (crawled[0] / "out.warc.gz").open("rb") as file:
        for record in iterator(file):
            kinds[record.rec_type] = kinds.get(record.rec_type, 0) + 1
            for name, value in record.rec_headers.headers:
                assert name.startswith(("WARC-", "Content-")), name
                assert not value.startswith("forged")
                assert not UNSAFE.search(value), (name, value)

    assert kinds.keys() == {"warcinfo", "response", "revisit", "request", "metadata"}
    assert kinds["request"] == kinds["response"] + kinds["revisit"] == kinds["metadata"]


@pytest.mark.timeout(60)
def test_the_other_commands_show_it_safely(site: Witness, crawled: tuple[Path, str, str]) -> None:
    folder, base = crawled[0], f"http://127.0.0.1:{site.port}"
    paths = [f"{base}/{kind}/{n}" for n in (0, 2, 7, 18, 20) for kind in ("head", "moved")]
    (folder / "list.txt").write_text("\n".join([*paths, "http://a/\x1b[2J", "x\x9by\u202ez"]))
    shown = [
        _ran(folder, "status", "s.db"),
        _ran(folder, "export", "s.db"),
        _ran(folder, "export", "s.db", "-o", "-:csv"),
        _ran(folder, "plan", "list.txt", "--robots", "obey"),
        _ran(folder, "explain", f"{base}/reason/2", "http://x/\x1b]0;x\x07"),
        _ran(folder, "no\x1b[2Jsuch\x9bfile"),
        _ran(folder, "run", "--no\x1b[2Jsuch", "x"),
        _ran(folder, "engines", "--explain", "\x1b[2J"),
    ]

    for number, told in enumerate(shown):
        for text in told:
            found = UNSAFE.search(text.replace("\t", " "))
            assert not found, (number, text[max(0, found.start() - 80) : found.end() + 80])


@pytest.mark.timeout(60)
def test_a_terminal_gets_no_sequence_but_ours(site: Witness, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    urls = tmp_path / "urls.txt"
    kinds = ("page", "head", "reason", "moved", "broken")
    lines = [f"http://127.0.0.1:{site.port}/{kind}/{n}" for kind in kinds
             for n in range(len(NASTY))]  # fmt: skip
    urls.write_text("\n".join([*lines, *(text.replace("\n", " ") for text in NASTY)]))
    command = [sys.executable, "-m", "crawler", str(urls), "-e", "selectors", *QUICK]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=os.environ
        | {"PYTHONPATH": str(PROJECT), "TERM": "xterm"},
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # the other end of a terminal was closed
                break
            shown += data
        process.wait(20)
    os.close(master)

    text = OURS.sub("\n", shown.decode("utf-8"))
    found = UNSAFE.search(text)
    assert not found, text[max(0, found.start() - 80) : found.end() + 80]
    assert text.count("http://127.0.0.1") >= len(lines)


class _Tags(HTMLParser):
    """What a page has that could run or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        links = [value or "" for name, value in attrs if name in {"href", "src", "action"}]
        if tag in {"script", "iframe", "object", "embed", "img", "base", "form"}:
            self.bad.append(tag)
        self.bad += [name for name in names if name.startswith("on")]
        self.bad += [link for link in links if not link.startswith(("#", "http://", "https://"))]


@pytest.mark.timeout(60)
def test_a_report_of_a_comparison_runs_nothing(site: Witness, tmp_path: Path) -> None:
    texts = ("<script>alert(1)</script>", '"onload=alert(1) x="', "'><img src=x onerror=y>")
    urls = [f"http://127.0.0.1:{site.port}/linked/{text}" for text in texts]
    (tmp_path / "<script>alert(2)<\u2044script>.txt").write_text("\n".join(urls))
    stdout, stderr = _ran(
        tmp_path, "compare", "<script>alert(2)<\u2044script>.txt", "sequential", "selectors",
        "--repeat", "1",
        "--export", "report.html", "--export", "report.json", "--export", "report.csv",
        "--export", "report.md",
    )  # fmt: skip

    assert not UNSAFE.search(stdout + stderr), stdout + stderr
    parser = _Tags()
    parser.feed((tmp_path / "report.html").read_text())
    assert not parser.bad

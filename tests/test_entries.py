"""What a line says in each form of input: by the reader, and through the command."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import entries
from crawler.errors import InputError
from crawler.lines import lines
from crawler.model import Failure, Pause, Purpose, Request
from crawler.reading import Reading
from crawler.serving.fixture import Site


def rows(text: str, column: str = "") -> list[tuple[str, dict]]:
    found = entries.of_rows(lines(iter([text.encode()])), column, "in.csv")
    return [(said.text, json.loads(said.carried or "{}")) for said in found if said.text]


def read(path: Path, **how) -> list[Request | Failure]:
    return [item for item in Reading([str(path)], **how) if not isinstance(item, Pause)]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("name,url\nx,http://a/\n", ""),
        ("name,URL\r\nx,http://a/\r\n", ""),
        ("name,link\nx,http://a/\n", ""),
        ("name,where\nx,http://a/\n", ""),
        ("name,where\nx,http://a/\n", "where"),
        ("name,where\nx,http://a/\n", "2"),
        ("name;url\nx;http://a/\n", ""),
        ("name\turl\nx\thttp://a/\n", ""),
        ('"name","url"\n"x","http://a/"', ""),
    ],
)
def test_the_column_of_the_url_is_found(text: str, column: str) -> None:
    assert rows(text, column) == [("http://a/", {"name": "x"})]


def test_a_table_without_heading_is_read_all_the_same() -> None:
    assert rows("http://a/,7\nhttp://b/,8\n") == [
        ("http://a/", {"column 2": "7"}),
        ("http://b/", {"column 2": "8"}),
    ]


def test_cells_may_hold_delimiters_quotes_and_line_ends() -> None:
    text = 'url,note\nhttp://a/,"one, two\nthree ""four"""\nhttp://b/,\n'

    assert rows(text) == [
        ("http://a/", {"note": 'one, two\nthree "four"'}),
        ("http://b/", {"note": ""}),
    ]


def test_rows_that_are_too_short_or_too_long() -> None:
    (bad, _), (good, carried) = rows("note,url\nx\ny,http://a/,more\n")

    assert isinstance(bad, entries.Bad)
    assert (good, carried) == ("http://a/", {"note": "y", "column 3": "more"})


@pytest.mark.parametrize(("text", "column"), [("a,b\n1,2\n", ""), ("a,url\n1,http://a/\n", "c")])
def test_a_column_that_is_not_there_is_named_with_those_that_are(text: str, column: str) -> None:
    with pytest.raises(InputError, match="there are: a, "):
        rows(text, column)


def test_a_quote_that_is_never_closed_does_not_fill_the_memory() -> None:
    text = 'url,note\nhttp://a/,"' + "x" * 60_000 + "\n" + ("y" * 60_000 + "\n") * 30

    said = [item.text for item in entries.of_rows(lines(iter([text.encode()])), "", "in.csv")]

    assert any(isinstance(each, entries.Bad) and "quote" in each.reason for each in said)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
def test_what_is_written_as_csv_is_read_back(cells: list[tuple[str, str]]) -> None:
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(("url", "a", "b"))
    kept = [
        tuple(
            c.replace("\r", "").replace("\0", "").encode("utf-8", "replace").decode() for c in row
        )
        for row in cells
    ]
    writer.writerows(("http://a/", *row) for row in kept)

    assert rows(buffer.getvalue()) == [("http://a/", {"a": a, "b": b}) for a, b in kept]


def test_json_lines_carry_their_other_keys(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(
        '{"url": "http://a/", "price": 7, "tags": ["x"]}\n"http://b/"\n\n{"no": 1}\n[1]\n{bad\n'
    )

    first, second, *bad = read(path)

    assert isinstance(first, Request)
    assert (first.url, json.loads(first.carried)) == ("http://a/", {"price": 7, "tags": ["x"]})
    assert isinstance(second, Request)
    assert (second.url, second.carried) == ("http://b/", "")
    assert [type(item) for item in bad] == [Failure] * 3
    assert f"{path}:4: no text under 'url'" in str(bad[0].error)


def test_another_key_may_have_the_url(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_text('{"page": "http://a/", "url": "x"}\n')

    (item,) = read(path, column="page")

    assert item.url == "http://a/"


def test_a_line_carries_what_stands_after_its_tabs(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("http://a/\tshop=7\tname=x=y z\nhttp://b/\thttp://c/\nhttp://d/ e\n")

    first, *bad = read(path)

    assert isinstance(first, Request)
    assert json.loads(first.carried) == {"shop": "7", "name": "x=y z"}
    assert "no key=value after a tab" in str(bad[0].error)


def test_a_sitemap_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "sitemap.xml.gz"
    body = "<urlset><url><loc>http://a/1</loc></url><url><loc>http://a/2</loc></url></urlset>"
    path.write_bytes(gzip.compress(body.encode()))
    index = tmp_path / "index.xml"
    index.write_text("<sitemapindex><sitemap><loc>http://a/s.xml</loc></sitemap></sitemapindex>")

    assert [item.url for item in read(path)] == ["http://a/1", "http://a/2"]
    (named,) = read(index)
    assert isinstance(named, Request)
    assert named.purpose is Purpose.SITEMAP


def test_the_form_may_be_said(tmp_path: Path) -> None:
    path = tmp_path / "in.txt"
    path.write_text("url,x\nhttp://a/,1\n")

    assert [item.url for item in read(path, form="csv")] == ["http://a/"]


def test_columns_become_columns_of_the_output(site: Site, crawl, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text(f"shop,url\nred,{site.url}/page/1\nblue,{site.url}/page/2\n")
    out, table = tmp_path / "out.jsonl", tmp_path / "out.csv"

    ended = crawl(str(path), "-o", str(out), "-o", str(table), "--fields", "url,status,carried")

    assert ended.returncode == 0, ended.stderr
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert {record["shop"] for record in records} == {"red", "blue"}
    assert table.read_text().splitlines()[0] == "url,status,shop"


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "sqlite"])
def test_what_failed_is_fetched_again(site: Site, crawl, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "in.txt"
    path.write_text(f"{site.url}/page/1\n{site.url}/status/404\tshop=7\nhttp://bad host/\n")
    first, second = tmp_path / f"first.{suffix}", tmp_path / "second.jsonl"
    crawl(str(path), "-o", str(first))
    if suffix == "jsonl":
        with first.open("a") as file:
            file.write('{"url": "http://torn')

    ended = crawl("--retry-failed", str(first), "-o", str(second))

    records = [json.loads(line) for line in second.read_text().splitlines()]
    assert [record["url"] for record in records] == [f"{site.url}/status/404"], ended.stderr
    assert records[0]["shop"] == "7"


def test_a_file_that_is_no_output_is_refused(crawl, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("http://a/\n")

    ended = crawl("--retry-failed", str(path))

    assert ended.returncode == 3
    assert "holds no records" in ended.stderr


def test_a_sitemap_may_be_fetched(site: Site, crawl) -> None:
    ended = crawl(f"{site.url}/sitemap.xml", "--format", "sitemap", "--max-pages", "5", "--json")

    records = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(records) == 5
    assert all(record["ok"] for record in records)

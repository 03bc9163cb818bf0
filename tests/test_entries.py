"""What a line says in each form of input: by the reader, and through the command."""

from __future__ import annotations

import gzip
import json
import os
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
    text = 'url,note\nhttp://a/,"' + "x" * 60_000 + "\n" + ("http://b/" + "y" * 60_000 + "\n") * 30

    assert [len(url) for url, _ in rows(text)] == [9, *[60_009] * 30]


@pytest.mark.parametrize("note", ['"open', '5" pipe', '"""'])
def test_a_quote_that_is_closed_nowhere_takes_no_other_row(note: str) -> None:
    assert [url for url, _ in rows(f"url,note\nhttp://a/,{note}\nhttp://b/,x\n")] == [
        "http://a/",
        "http://b/",
    ]


def test_long_rows_of_many_short_lines_are_looked_at_once() -> None:
    text = 'url,note\nhttp://a/,"' + "x\n" * 200_000

    assert len(rows(text)) == 200_000


def test_a_carriage_return_outside_of_quotes_spoils_its_row_alone() -> None:
    (bad, _), (good, _) = rows("url,note\nhttp://a/,x\ry\nhttp://b/,\n")

    assert isinstance(bad, entries.Bad)
    assert good == "http://b/"
    with pytest.raises(InputError, match="carriage return"):
        rows("url,note\rhttp://a/,x\r")


def test_delimiters_within_quotes_are_not_counted() -> None:
    text = '"a, b, c, d";url\n1;http://a/\n'

    assert rows(text) == [("http://a/", {"a, b, c, d": "1"})]


@pytest.mark.parametrize(
    "text", ["a,url\n1,http://a/\n", '"a",where\n1,http://a/\n', "\n\na,url\n"]
)
def test_columns_are_known_before_the_first_row_is_read(text: str) -> None:
    assert entries.columns_of(lines(iter([text.encode()])), "") == ("a",)


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


def test_what_json_cannot_say_is_carried_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"url": "http://a/", "x": NaN, "y": 1e999}\n{"url": "http://a b/", "k": 1}\n')

    good, bad = read(path)

    assert isinstance(good, Request)
    assert json.loads(good.carried) == {"x": "NaN", "y": "1e999"}
    assert isinstance(bad, Failure)
    assert json.loads(bad.request.carried) == {"k": 1}  # a bad line keeps its other columns


@pytest.mark.parametrize("deep", [900, 100_000])
def test_json_may_be_nested_as_deep_as_it_likes(tmp_path: Path, deep: int) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(
        '{"url": "http://a/", "x": ' + "[" * deep + "]" * deep + "}\n" + '"http://b/"\n'
    )

    assert len(read(path)) == 2


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


def test_torn_records_are_left_out(tmp_path: Path) -> None:
    good = '{"url": "http://a/1", "error": "x"}\n'
    middle = tmp_path / "middle.jsonl"
    middle.write_text(f'{good}{{"url": "htt{good}{good.replace("/1", "/2")}{{"url": "h')
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress((good * 9).encode())[:-9])
    table = tmp_path / "table.csv"
    table.write_text('error,carried,url\r\nx,"{""a"": ",http://a/1\r\nx,,http://a/\r\nx,,http://a')

    def found(path: Path) -> list[str]:
        return [item.url for item in Reading([], failed=[str(path)]) if isinstance(item, Request)]

    assert found(middle) == ["http://a/1", "http://a/2"]
    assert set(found(packed)) == {"http://a/1"}
    assert found(table) == ["http://a/1", "http://a/"]


def test_a_long_output_without_failures_lets_others_have_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"url": "http://a/", "error": null}\n' * 10_000)

    assert len(list(Reading([], failed=[str(path)]))) >= 5


def test_the_former_output_is_not_written_over(crawl, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"url": "http://127.0.0.1:1/", "error": "x"}\n')

    ended = crawl("--retry-failed", str(path), "-o", str(path), "--overwrite")

    assert ended.returncode == 3, ended.stderr
    assert "127.0.0.1:1" in path.read_text()


def test_a_pipe_is_no_former_output(crawl, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    ended = crawl("--retry-failed", str(path), "-e", "selectors")

    assert ended.returncode == 3
    assert "regular file" in ended.stderr


@pytest.mark.parametrize("how", ["utf-16", "gzip"])
def test_columns_are_found_in_any_encoding(site: Site, crawl, tmp_path: Path, how: str) -> None:
    text, path, out = (
        f"shop,url\r\nred,{site.url}/page/1\r\n",
        tmp_path / "in.csv",
        tmp_path / "o.csv",
    )
    path.write_bytes(gzip.compress(text.encode()) if how == "gzip" else text.encode(how))

    ended = crawl(str(path), "-e", "selectors", "-o", str(out), "--fields", "status,carried")

    assert out.read_text().splitlines() == ["status,shop", "200,red"], ended.stderr


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

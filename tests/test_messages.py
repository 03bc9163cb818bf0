"""What goes wrong is said with what was seen, and with what may have been meant."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crawler import config, planning, reading, records, sinks
from crawler.cli import app
from crawler.compared_files import read
from crawler.errors import ConfigError, FrontierError, InputError, SinkError
from crawler.frontier._schema import opened
from crawler.serving.fixture import Site
from crawler.sinks.record import Describer
from crawler.state_commands import export, status
from crawler.transports._dial import connect_error
from crawler.transports.resolve import Address


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, with one list in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("url.txt", "did you mean 'urls.txt'?"),
        ("example.org", "a URL needs its scheme here: https://example.org"),
        ("example.org/a/b", "https://example.org/a/b"),
        ("localhost:8080/a", "https://localhost:8080/a"),
        ("box:8080/a", "https://box:8080/a"),
        ("ftp://example.org/a", "only http and https are fetched, not ftp"),
    ],
)
def test_a_file_that_is_not_there_may_be_a_slip_or_a_url(there: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match="No such file or directory") as caught:
        reading.check([name])

    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.txt", "data/nothing", "nothing"])
def test_a_name_of_a_file_is_not_offered_as_a_url(there: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        reading.check([name])

    assert str(caught.value).endswith("No such file or directory")


def test_a_command_with_a_slip_is_recognized_unless_a_file_is_called_so(there: Path) -> None:
    (there / "exports").write_text("nonsense\n")

    with pytest.raises(
        InputError, match="'statuss' is no file and no command: did you mean `crawl st"
    ):
        CliRunner().invoke(app, ["statuss", "crawl.db"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"'help' is no .* did you mean `crawl --help`"):
        CliRunner().invoke(app, ["help"], catch_exceptions=False)
    ended = CliRunner().invoke(app, ["exports", "-e", "no-engine"])

    assert "there is no engine 'no-engine'" in str(ended.exception)


def test_bytes_of_an_argument_that_are_no_utf_8_make_it_no_url() -> None:
    (outcome,) = reading.Reading(["http://127.0.0.1:9/caf\udce9"])

    assert getattr(outcome, "code", "") == "url.invalid"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"concurrency": "-1"}, "--concurrency: not a whole number from 0: '-1'"),
        ({"concurrency": "0"}, "--concurrency: must be at least 1, not 0"),
        ({"processes": "100"}, "--processes: must be from 1 to 64, not 100"),
        ({"max_time": "0"}, "--max-time: must be more than 0, not 0"),
        ({"scope": "hosts"}, "'hosts'; did you mean 'host'?"),
        ({"ipv4": True, "ipv6": True}, "not together with --ipv4"),
    ],
)
def test_a_value_that_cannot_be_used_is_shown(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planning.plan_of(config.resolve(given, {}))

    assert said in str(caught.value)


def test_a_field_with_a_slip_and_an_unknown_format_are_answered_by_the_nearest_and_by_all() -> None:
    with pytest.raises(ValueError, match="no such field: 'urll'; did you mean 'url'"):
        Describer(fields=("urll",), engine="x")
    with pytest.raises(SinkError, match=r"there is no format 'yaml'.*out:FORMAT .*sqlite"):
        sinks.choose("out:yaml")


def test_no_message_repeats_what_python_says_of_an_error(there: Path) -> None:
    with pytest.raises(InputError, match=r"^cannot read 'no\.json': No such file or directory$"):
        read("no.json")
    with pytest.raises(FrontierError, match=r"^cannot open '\.': Is a directory$"):
        opened(Path())


def test_an_address_is_written_as_in_a_url() -> None:
    refused = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))

    assert "to 127.0.0.1:80: " in str(
        connect_error(refused, Address(socket.AF_INET, "127.0.0.1", 80))
    )
    asyncios = OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 80)")
    assert str(connect_error(asyncios, Address(socket.AF_INET, "127.0.0.1", 80))).endswith(
        ": Connection refused"
    )
    assert "to [::1]:80: " in str(connect_error(refused, Address(socket.AF_INET6, "::1", 80)))


def test_a_finished_crawl_says_what_can_be_done_with_it(crawl, site: Site, tmp_path: Path) -> None:
    state = str(tmp_path / "crawl.db")
    crawl(f"{site.url}/page/1", "--state", state, "-e", "selectors")

    again = crawl(f"{site.url}/page/1", "--state", state, "-e", "selectors")

    assert f"`crawl resume {state} --if-modified` fetches it anew" in again.stderr
    assert "our own work" not in again.stderr
    assert again.returncode == 0


def test_a_run_stops_when_so_many_urls_have_failed(crawl, site: Site) -> None:
    lines = "".join(f"{site.url}/status/404?{number}\n" for number in range(100))

    ended = crawl("-", "-e", "selectors", "-c", "4", "--max-errors", "3", input=lines)

    assert ended.returncode == 4
    assert 3 <= len(ended.stdout.splitlines()) <= 3 + 4
    assert "SIGINT" not in ended.stderr


def test_a_former_output_that_cannot_be_read_again_says_which_can(tmp_path: Path) -> None:
    for name, data in (("out.parquet", b"PAR1"), ("out.warc.gz", b"\x1f\x8b")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=r"only \.jsonl, \.csv and \.sqlite are read again"):
            list(records.failed(str(tmp_path / name)))


def test_a_state_without_a_page_is_not_called_finished(tmp_path: Path) -> None:
    state = tmp_path / "crawl.db"
    opened(state).close()

    assert "not begun" in status(state, hosts=5, now=0.0)


def test_an_export_never_writes_over_the_state_it_reads(tmp_path: Path) -> None:
    state = tmp_path / "crawl.db"
    opened(state).close()
    (tmp_path / "link.jsonl").symlink_to(state)

    for name in (f"{state}:jsonl", str(tmp_path / "link.jsonl")):
        with pytest.raises(SinkError, match="is the state itself: it would be written over"):
            export(state, name, mode="overwrite")

    assert state.read_bytes().startswith(b"SQLite format 3")


def test_states_to_export_may_be_several_in_one_word(tmp_path: Path) -> None:
    state = tmp_path / "crawl.db"
    opened(state).close()

    assert export(state, str(tmp_path / "a.csv"), states=["done,failed", "queued"]) == 0
    with pytest.raises(ConfigError, match=r"--only: one of .* reached, not gone$"):
        export(state, str(tmp_path / "b.csv"), states=["done,gone"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--manners", "urls.txt"), "'urls.txt' is the input: it would be written over"),
        (("--summary", "urls.txt"), "'urls.txt' is the input: it would be written over"),
        (("-o", "jar.txt:csv", "--load-cookies", "jar.txt"), "'jar.txt' is the input"),
        (("-o", "a.jsonl", "--summary", "a.jsonl"), "'a.jsonl' is named twice"),
        (("-o", "a.jsonl", "--manners", "./a.jsonl"), "'./a.jsonl' is named twice"),
        (("-o", "c.db", "--state", "c.db"), "'c.db' is the --state"),
        (("--summary", "c.db", "--state", "./c.db"), "'c.db' is the --state"),
    ],
)
def test_no_file_is_written_twice_or_over_what_is_read_or_kept(
    there: Path, options: tuple[str, ...], said: str
) -> None:
    (there / "jar.txt").write_text("# Netscape HTTP Cookie File\n")
    (there / "c.db").write_text("kept")

    with pytest.raises(SinkError) as caught:
        CliRunner().invoke(
            app, ["urls.txt", "-e", "selectors", "--overwrite", *options], catch_exceptions=False
        )

    assert str(caught.value).startswith(said)
    assert (there / "urls.txt").read_text() == "http://127.0.0.1:9/\n"
    assert (there / "c.db").read_text() == "kept"


@pytest.mark.parametrize("option", ["--manners", "--summary"])
def test_a_report_that_is_there_is_kept_unless_the_same_crawl_goes_on(
    crawl, site: Site, tmp_path: Path, option: str
) -> None:
    told, state, other = tmp_path / "told", str(tmp_path / "a.db"), str(tmp_path / "b.db")
    command = (f"{site.url}/page/1", "-e", "selectors", option, str(told), "--state")

    crawl(*command, state)
    whole = told.read_text()
    refused = [crawl(*command, other), crawl(*command, other)]

    for again in refused:
        assert again.returncode == 3
        assert f"'{told}' exists: give --overwrite or --append, or another name" in again.stderr
    assert told.read_text() == whole != ""
    assert crawl(*command, state).returncode == 0


def test_parts_of_a_list_are_fetched_one_after_the_other_into_one_state_without_loss(
    crawl, site: Site, tmp_path: Path
) -> None:
    names = ("127.0.0.1", "localhost")
    urls = [site.url.replace("127.0.0.1", name) + f"/page/{n}" for n in range(6) for name in names]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    command = (str(tmp_path / "urls.txt"), "-e", "selectors", "--fields", "input,status", "--state")

    ended = [
        crawl(*command, str(tmp_path / "one.db"), "--shard", part) for part in ("1/5", "2/5",
        "3/5", "4/5", "5/5")
    ]  # fmt: skip
    refused = crawl(*command, str(tmp_path / "two.db"), "--shard", "1/2", "--follow")

    records = [json.loads(line) for one in ended for line in one.stdout.splitlines()]
    assert sorted(record["input"] for record in records) == sorted(urls)
    assert {record["status"] for record in records} == {200}
    assert refused.returncode == 2
    assert "--shard: not with what finds URLs" in refused.stderr

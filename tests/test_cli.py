"""The command as a user has it: a child process against the fixture site."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from crawler.serving.fixture import Site
from crawler.sinks.record import FIELDS

ENGINES = ("sequential", "threads", "gevent", "gevent+urllib", "gevent+socket", "selectors")


@pytest.fixture
def listed(tmp_path: Path, site: Site):
    """A list file of the site's paths; what has a scheme or a # stays as it is."""

    def write(*lines: str, name: str = "urls.txt") -> str:
        path = tmp_path / name
        whole = [line if line[:1] != "/" else site.url + line for line in lines]
        path.write_text("".join(f"{line}\n" for line in whole))
        return str(path)

    return write


def records(text: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in text.splitlines()]
    return sorted(found, key=lambda record: record["n"])


def accounts(text: str) -> dict[str, int]:
    """The summary's first line, as numbers."""
    line = next(line for line in text.splitlines() if " lines = " in line)
    whole, _, parts = line.partition(" lines = ")
    found = {"lines": int(whole.replace(",", ""))}
    for part in parts.split(" + "):
        number, name = part.split()
        found[name] = int(number.replace(",", ""))
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_every_line_has_its_record_on_every_engine(crawl, listed, engine: str) -> None:
    name = listed(
        "# pages", "/page/1", "", "/redirect/2", "/status/404", "not a url", "/page/1", "/gzip",
        "http://127.0.0.1:9/refused",
    )  # fmt: skip

    ended = crawl(name, "--engine", engine, "--concurrency", "50", "--retries", "0")

    found = records(ended.stdout)
    assert [record["n"] for record in found] == [1, 2, 3, 4, 5, 6, 7]
    assert all(tuple(record) == FIELDS for record in found)
    assert [record["error"] for record in found] == [
        None, None, "http.404", "url.invalid", "url.duplicate", None, "connect.refused",
    ]  # fmt: skip
    assert [hop["url"].rpartition("/")[2] for hop in found[1]["via"]] == ["2", "1"]
    assert {record["engine"] for record in found} == {engine}
    assert f"{name}:6: not a URL: 'not a url'" in ended.stderr
    assert accounts(ended.stderr) == {
        "lines": 7, "fetched": 3, "failed": 2, "duplicate": 1, "invalid": 1, "unfinished": 0,
    }  # fmt: skip
    assert ended.returncode == 1


def test_all_fetched_is_exit_code_0_and_stderr_has_the_summary(crawl, listed) -> None:
    ended = crawl(listed("/page/1", "/page/2"), "-e", "threads")

    assert ended.returncode == 0
    assert "2 lines = 2 fetched" in ended.stderr
    assert "latency   p50" in ended.stderr


def test_urls_may_be_arguments_and_run_may_be_said(crawl, site: Site) -> None:
    ended = crawl("run", f"{site.url}/page/1", f"{site.url}/page/2", "-e", "threads", "-q")

    assert [record["status"] for record in records(ended.stdout)] == [200, 200]
    assert ended.stderr == ""


def test_stdin_is_read_when_it_is_a_pipe_or_named(crawl, site: Site) -> None:
    line = f"{site.url}/page/1\r\n"

    named = crawl("-", "-e", "threads", input=line)
    piped = crawl("-e", "threads", input=line)
    bare = crawl(input=line)

    for ended in (named, piped, bare):
        assert [record["url"] for record in records(ended.stdout)] == [f"{site.url}/page/1"]


def test_a_gzip_file_of_urls_is_read(crawl, tmp_path: Path, site: Site) -> None:
    path = tmp_path / "urls.gz"
    path.write_bytes(gzip.compress(f"{site.url}/page/1\n".encode()))

    assert len(records(crawl(str(path), "-e", "threads").stdout)) == 1


@pytest.mark.parametrize("engine", ["threads", "gevent", "selectors"])
def test_the_first_result_comes_before_the_end_of_stdin(site: Site, engine: str) -> None:
    command = [sys.executable, "-m", "crawler", "-e", engine]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{site.url}/page/1\n{site.url}/pa".encode())
        child.stdin.flush()

        first = json.loads(child.stdout.readline())
        child.stdin.write(b"ge/2\n")
        child.stdin.flush()
        second = json.loads(child.stdout.readline())
        child.stdin.close()

        assert (first["n"], second["n"]) == (1, 2)
        assert child.wait(9) == 0


def test_records_go_to_files_by_suffix_and_the_screen_stays(crawl, listed, tmp_path: Path) -> None:
    one, two = tmp_path / "out.jsonl", tmp_path / "out.csv"

    ended = crawl(listed("/page/1", "/status/500"), "-e", "threads", "--retries", "0",
                  "-o", str(one), "-o", str(two))  # fmt: skip

    assert records(one.read_text()) == records(ended.stdout)
    assert {row["status"] for row in csv.DictReader(two.read_text().splitlines())} == {"200", "500"}


def test_bodies_are_kept_by_hash(crawl, listed, tmp_path: Path) -> None:
    kept = tmp_path / "bodies"

    ended = crawl(listed("/page/1", "/gzip"), "-e", "threads", "--save-dir", str(kept))

    for record in records(ended.stdout):
        body = (kept / str(record["file"])).read_bytes()
        assert sha256(body).hexdigest() == record["sha256"]
        assert len(body) == record["size"]


def test_fields_choose_and_order(crawl, site: Site) -> None:
    ended = crawl(f"{site.url}/page/1", "-e", "threads", "--fields", "status,title,n")

    assert list(json.loads(ended.stdout)) == ["status", "title", "n"]


def test_what_is_sent_can_be_chosen(crawl, site: Site, tmp_path: Path) -> None:
    ended = crawl(
        f"{site.url}/echo", "-e", "gevent", "-H", "X-One: 1", "-H", "Accept:", "-A", "probe/1",
        "-X", "put", "-d", "hello", "--save-dir", str(tmp_path / "kept"),
    )  # fmt: skip

    (record,) = records(ended.stdout)
    got = json.loads((tmp_path / "kept" / str(record["file"])).read_text())
    fields = {name.lower(): value for name, value in got["headers"]}
    assert got["method"] == "PUT"
    assert (fields["x-one"], fields["user-agent"]) == ("1", "probe/1")
    assert fields["content-length"] == "5"
    assert "accept" not in fields


def test_head_asks_for_no_body(crawl, site: Site) -> None:
    (record,) = records(crawl(f"{site.url}/page/1", "-e", "threads", "-I", "-q").stdout)

    assert (record["status"], record["bytes"]) == (200, 0)


def test_a_file_that_is_not_ours_is_left_alone_before_the_first_fetch(
    crawl, listed, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("mine\n")

    ended = crawl(listed("/page/1"), "-e", "threads", "-o", str(out))

    assert ended.returncode == 3
    assert "exists: give --overwrite or --append" in ended.stderr
    assert ended.stdout == ""
    assert out.read_text() == "mine\n"


def test_the_input_is_never_an_output(crawl, tmp_path: Path, site: Site) -> None:
    path = tmp_path / "urls.jsonl"
    path.write_text(f"{site.url}/page/1\n")

    ended = crawl(str(path), "-o", str(path), "--overwrite")

    assert ended.returncode == 3
    assert "is the input" in ended.stderr
    assert path.read_text() == f"{site.url}/page/1\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["no-such-file"], 3, "cannot read 'no-such-file': No such file or directory"),
        (["example.org"], 3, "a URL needs its scheme here: https://example.org"),
        (["-e", "gevnt", "-"], 2, "did you mean 'gevent'?"),
        (["-c", "0", "-"], 2, "--concurrency: must be at least 1"),
        (["-c", "many", "-"], 2, "--concurrency: not a whole number: 'many'"),
        (["-m", "soon", "-"], 2, "--max-time: not a duration: 'soon'"),
        (["-H", "nonsense", "-"], 2, "--header: not a header field: 'nonsense'"),
        (["-o", "out.txt", "-"], 3, "no format for 'out.txt'"),
        (["--fields", "stats", "-"], 2, "--fields: no such field: 'stats'"),
        (["--retry-on", "luck", "-"], 2, "--retry-on: not a reason to try again: 'luck'"),
        (["--overwrite", "--append", "-"], 2, "not together"),
        (["-4", "-6", "-"], 2, "not together"),
        (["-I", "-d", "x", "-"], 2, "--head: not together"),
        (["-d", "@/no/such", "-"], 3, "for --data: No such file"),
        (["--config", "/no/such.toml", "-"], 2, "--config: no such file"),
        (["--concurency", "5", "-"], 2, "--concurrency"),
        (["-t", "5", "-"], 2, "-t"),
    ],
)
def test_a_mistake_is_said_in_one_line(crawl, arguments: list[str], code: int, said: str) -> None:
    ended = crawl(*arguments, input="")

    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_urls_at_all_is_said(crawl) -> None:
    ended = crawl("-", "-e", "threads", input="# nothing\n")

    assert ended.returncode == 0
    assert "the input has no URLs" in ended.stderr


@pytest.mark.parametrize(
    ("share", "code"), [("any", 1), ("none", 0), ("all", 0), ("50%", 0), ("30%", 1)]
)
def test_fail_on_says_which_share_of_failures_counts(crawl, listed, share: str, code: int) -> None:
    name = listed("/page/1", "/page/2", "/status/404")

    assert crawl(name, "-e", "threads", "--fail-on", share).returncode == code


def test_the_summary_can_be_json(crawl, listed, tmp_path: Path) -> None:
    path = tmp_path / "summary.json"

    ended = crawl(listed("/page/1", "/status/404"), "-e", "threads", "--summary", str(path))

    record = json.loads(path.read_text())
    assert (record["fetched"], record["failed"], record["exit_code"]) == (1, 1, ended.returncode)
    assert record["statuses"] == {"200": 1, "404": 1}


def test_redirects_may_be_shown_instead_of_followed(crawl, listed) -> None:
    name = listed("/redirect/3")

    shown = records(crawl(name, "-e", "threads", "--no-redirects").stdout)
    limited = records(crawl(name, "-e", "threads", "--max-redirects", "2").stdout)

    assert (shown[0]["status"], shown[0]["ok"]) == (302, True)
    assert limited[0]["error"] == "redirect.too_many"


def test_a_body_may_have_a_limit(crawl, listed) -> None:
    (record,) = records(crawl(listed("/size/100000"), "-e", "threads", "--max-body", "10k").stdout)

    assert record["error"] == "body.too_large"


def test_a_name_may_be_resolved_by_hand(crawl, site: Site) -> None:
    port = site.url.rpartition(":")[2]

    ended = crawl(
        f"http://fixture.test:{port}/page/1", "-e", "threads",
        "--resolve", f"fixture.test:{port}:127.0.0.1",
    )  # fmt: skip

    assert records(ended.stdout)[0]["ip"] == "127.0.0.1"


def test_statuses_may_be_tried_again(crawl, listed) -> None:
    name = listed("/status/404")

    (record,) = records(
        crawl(name, "-e", "threads", "--retry-on", "retryable,404", "--retries", "1").stdout
    )

    assert record["attempts"] == 2


def test_settings_come_from_file_and_environment(crawl, listed, tmp_path: Path) -> None:
    config = tmp_path / "some.toml"
    config.write_text('engine = "threads"\nfields = ["n", "engine"]\n')
    name = listed("/page/1")

    from_file = crawl(name, "--config", str(config))
    from_environment = crawl(name, "--config", str(config), env={"CRAWL_ENGINE": "sequential"})
    typed = crawl(name, "--config", str(config), "-e", "threads+socket",
                  env={"CRAWL_ENGINE": "sequential"})  # fmt: skip

    assert json.loads(from_file.stdout) == {"n": 1, "engine": "threads"}
    assert json.loads(from_environment.stdout)["engine"] == "sequential"
    assert json.loads(typed.stdout)["engine"] == "threads+socket"


def test_config_shows_what_is_in_force_and_from_where(crawl, tmp_path: Path) -> None:
    config = tmp_path / "some.toml"
    config.write_text("retries = 7\n")

    shown = crawl("config", "--config", str(config), "-c", "9", env={"CRAWL_DELAY": "2s"}).stdout

    lines = {line.split(" = ")[0]: line for line in shown.splitlines()}
    assert lines["retries"].split("#")[1].strip() == str(config)
    assert lines["concurrency"] == "concurrency = 9                           # command line"
    assert lines["delay"].startswith("delay = 2.0 ")
    assert lines["delay"].endswith("# environment")
    assert lines["engine"].endswith("# default")


def test_an_unknown_key_names_the_nearest(crawl, tmp_path: Path) -> None:
    config = tmp_path / "some.toml"
    config.write_text("concurency = 7\n")

    ended = crawl("-", "--config", str(config), input="")

    assert ended.returncode == 2
    assert f"{config}: unknown setting 'concurency'; did you mean 'concurrency'?" in ended.stderr


def test_the_help_names_the_commands_and_comes_at_once(crawl) -> None:
    shown = crawl("--help", timeout=3).stdout

    for command in ("run", "compare", "engines", "serve", "config", "demo"):
        assert f"\n  {command} " in shown


def test_version_and_limits_and_engines_are_shown(crawl) -> None:
    assert crawl("--version").stdout.startswith("crawl 0.")
    limits = crawl("run", "--show-limits", "-m", "5").stdout
    assert "timeout          5 s" in limits
    assert "max_bytes        10485760" in limits
    engines = crawl("engines").stdout
    for engine in ENGINES:
        assert engine in engines


def test_nothing_a_server_says_reaches_the_terminal_raw(crawl, listed) -> None:
    ended = crawl(listed("/garbage", "/page/1?\x1b[31m", "/x\u202ey"), "-e", "threads", "-vv")

    shown = ended.stdout + ended.stderr
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_only_a_patched_engine_replaces_the_process(crawl, site: Site) -> None:
    """The environment of the new process finds the package wherever it lies."""
    environ = {"PYTHONPATH": str(Path(__file__).parent.parent)}

    ended = subprocess.run(
        [sys.executable, "-P", "-m", "crawler", f"{site.url}/page/1", "--fields", "engine"],
        capture_output=True, text=True, timeout=9, cwd="/", env=os.environ | environ, check=False,
    )  # fmt: skip

    assert json.loads(ended.stdout) == {"engine": "gevent"}


def test_a_number_of_files_that_is_too_small_lowers_concurrency(listed) -> None:
    """Fifty under way need 164 descriptors; with 64 it says so and fetches all the same."""
    name = listed(*(f"/page/{number}" for number in range(60)))
    command = f"ulimit -n 64; exec {sys.executable} -m crawler {name} -e threads -c 50"

    ended = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=9, check=False
    )

    assert "instead of 50: only 64 files may be open" in ended.stderr
    assert accounts(ended.stderr)["fetched"] == 60
    assert ended.returncode == 0


def test_processes_share_the_connections_and_each_has_files_of_its_own(listed) -> None:
    name = listed(*(f"/page/{number}" for number in range(60)))
    options = "-e selectors -c 50 --processes 4"
    command = f"ulimit -n 64; exec {sys.executable} -m crawler {name} {options}"

    ended = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=9, check=False
    )

    assert "files may be open" not in ended.stderr
    assert accounts(ended.stderr)["fetched"] == 60
    assert ended.returncode == 0


def test_compare_shows_and_exports_the_table(crawl, listed, tmp_path: Path) -> None:
    export = tmp_path / "runs.json"

    ended = crawl(
        "compare", listed("/page/1", "/gzip"), "sequential", "selectors",
        "--repeat", "1", "-c", "2", "--export", str(export),
    )  # fmt: skip

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("$ crawl compare ")
    assert "every engine gave the same answer for each of 2 URLs" in ended.stdout
    assert len(json.loads(export.read_text())["runs"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing-here"], 3, "cannot read 'nothing-here'"),
        (["-", "gevnt"], 2, "did you mean 'gevent'?"),
        (["-", "--repeat", "0"], 2, "--repeat: must be at least 1"),
        (["-", "--export", "runs.xls"], 2, ".json, .md, .csv or .html"),
    ],
)
def test_a_comparison_that_cannot_be_is_said_in_one_line(
    crawl, site: Site, arguments: list[str], code: int, said: str
) -> None:
    ended = crawl("compare", *arguments, input=f"{site.url}/page/1\n")

    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_serve_serves_until_it_is_interrupted() -> None:
    import signal
    import urllib.request

    with subprocess.Popen(
        [sys.executable, "-m", "crawler", "serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as child:  # fmt: skip
        assert child.stdout is not None
        url = child.stdout.readline().split()[0]
        with urllib.request.urlopen(f"{url}page/7") as answer:
            assert b"page 7" in answer.read().lower()
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=8)

    assert child.returncode == 0
    assert stderr == ""


def test_serve_says_when_the_port_is_taken(crawl, site: Site) -> None:
    ended = crawl("serve", "--port", site.url.rpartition(":")[2])

    assert ended.returncode == 3
    assert "cannot listen on 127.0.0.1:" in ended.stderr


def test_settings_cross_into_the_patched_process_unseen(listed, site: Site, tmp_path: Path) -> None:
    """A secret from a file shows neither in the list of processes nor in the environment."""
    config = tmp_path / "secret.toml"
    config.write_text('header = ["Authorization: Bearer s3cret", "X-Two: ü"]\n')
    name = listed(*(f"/delay/300?n={number}" for number in range(8)))
    command = [sys.executable, "-m", "crawler", name, "-c", "4", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = Path(f"/proc/{child.pid}")
        shown = process.joinpath("cmdline").read_bytes()
        shown += process.joinpath("environ").read_bytes()
        child.communicate(timeout=8)

    assert b"crawler.patched" in shown
    assert name.encode() in shown
    assert b"s3cret" not in shown
    assert child.returncode == 0


def test_a_notice_is_given_once(listed, tmp_path: Path) -> None:
    (tmp_path / "crawl.toml").write_text("retries = 0\n")

    ended = subprocess.run(
        [sys.executable, "-m", "crawler", listed("/page/1")],
        capture_output=True, text=True, timeout=9, check=False, cwd=tmp_path,
        env=os.environ | {"CRAWL_ODD": "1", "PYTHONPATH": str(Path(__file__).parent.parent)},
    )  # fmt: skip

    assert ended.stderr.count("settings from ./crawl.toml") == 1
    assert ended.stderr.count("CRAWL_ODD is no setting") == 1

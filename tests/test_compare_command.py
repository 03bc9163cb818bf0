"""`crawl compare` at its edges: what words mean, what is asked first, what is written where."""

from __future__ import annotations

import json
import os
import pty
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crawler.compare_command import sort_words, sweep_of
from crawler.errors import ConfigError
from crawler.serving.fixture import Site
from crawler.syscalls import counter, parsed

PROJECT = Path(__file__).parent.parent
COMPARE = (sys.executable, "-P", "-m", "crawler", "compare")
QUICK = ("--count", "4", "--latency", "1ms", "--repeat", "1")
Compare = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def compare(tmp_path: Path, clean_environ: None) -> Compare:
    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # type: ignore[call-overload,no-any-return]  # options are run's
            [*COMPARE, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            timeout=50,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )

    return run


def test_words_are_engines_where_they_can_be_and_else_urls(tmp_path: Path) -> None:
    listed = tmp_path / "urls.txt"
    listed.touch()

    sources, engines = sort_words(
        [str(listed), "gevent", "http://127.0.0.1/", "selectors", "-", "gevent"]
    )

    assert sources == (str(listed), "http://127.0.0.1/", "-")
    assert engines == ("gevent", "selectors")


def test_all_means_every_engine_once() -> None:
    _, engines = sort_words(["all", "epoll"])

    assert len(engines) == len(set(engines)) > 20
    assert {"sequential", "uring", "processes+socket"} <= set(engines)


def test_a_word_that_is_nothing_gets_a_hint() -> None:
    with pytest.raises(
        ConfigError, match="'gevnt' is no file and no engine; did you mean 'gevent'"
    ):
        sort_words(["gevnt"])


def test_a_sweep_is_sorted_numbers() -> None:
    assert sweep_of("concurrency=50,1,10,10") == (1, 10, 50)


@pytest.mark.parametrize(
    "text",
    ["", "concurrency", "concurrency=", "concurrency=a", "concurrency=0", "speed=1,2", "1,2"],
)
def test_what_is_no_sweep_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--sweep"):
        sweep_of(text)


@pytest.mark.timeout(60)
def test_without_urls_a_site_of_our_own_is_fetched(compare: Compare, tmp_path: Path) -> None:
    done = compare(*QUICK, "--size", "5000", "epoll", "selectors", "--export", "out.json")

    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["what"].startswith("4 pages of 5000 bytes, each after 1 ms")
    assert [run["body_bytes"] for run in told["runs"]] == [20_000, 20_000]
    assert all(len(run["timeline"]) == 4 for run in told["runs"])


@pytest.mark.timeout(60)
def test_what_was_exported_is_shown_again_without_fetching(
    compare: Compare, tmp_path: Path
) -> None:
    first = compare(*QUICK, "epoll", "--export", "out.json")

    again = compare("--load", "out.json", "--report", "out.html", "--export", "out.md")

    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout
    assert "epoll" in (tmp_path / "out.html").read_text()
    assert (tmp_path / "out.md").read_text().startswith("    crawl compare --count 4")


@pytest.mark.timeout(60)
def test_a_sweep_runs_each_engine_at_each_concurrency(compare: Compare, tmp_path: Path) -> None:
    done = compare(
        *QUICK, "sequential+socket", "epoll", "--sweep", "concurrency=1,2", "--export", "out.json"
    )

    assert done.returncode == 0, done.stderr
    runs = [
        (run["engine"], run["concurrency"])
        for run in json.loads((tmp_path / "out.json").read_text())["runs"]
    ]
    assert sorted(runs) == [("epoll", 1), ("epoll", 2), ("sequential+socket", 1)]
    assert "at once is enough" in done.stdout


@pytest.mark.timeout(60)
def test_worker_processes_count_as_their_engines_own(compare: Compare, tmp_path: Path) -> None:
    done = compare(*QUICK, "processes+socket", "threads+socket", "-c", "4", "--export", "out.json")

    assert done.returncode == 0, done.stderr
    processes, threads = sorted(
        json.loads((tmp_path / "out.json").read_text())["runs"], key=lambda run: run["engine"]
    )
    assert processes["rss_bytes"] > 1.3 * threads["rss_bytes"]
    assert processes["start_up"] > 0.01 > threads["start_up"]


def test_other_hosts_are_not_fetched_unless_someone_agrees(
    compare: Compare, tmp_path: Path
) -> None:
    (tmp_path / "urls.txt").write_text("http://site.example/a\nhttp://site.example/b\n")

    done = compare("urls.txt", "epoll", "selectors", "--repeat", "3")

    assert done.returncode == 2
    assert "12 requests (site.example 12); -y says" in done.stderr


@pytest.mark.parametrize(("answer", "said"), [(b"n\n", "nothing was fetched"), (b"y\n", "epoll")])
def test_at_a_terminal_the_user_is_asked(
    clean_environ: None, tmp_path: Path, answer: bytes, said: str
) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMPARE, "http://nowhere.invalid/", "epoll", "--repeat", "1", "--retries", "0"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    ):
        os.close(theirs)
        shown = b""
        answered = False
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:
                break
            if b"[y/N]" in shown and not answered:
                answered = True
                os.write(ours, answer)
    os.close(ours)

    assert answered
    assert said in shown.decode()


def test_a_host_that_is_pinned_to_this_machine_needs_no_question(
    compare: Compare, site: Site
) -> None:
    port = site.url.rpartition(":")[2]

    done = compare(
        f"http://site.example:{port}/page/1", "epoll", "--repeat", "1",
        "--resolve", f"site.example:{port}:127.0.0.1",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--load", "none.json"), "cannot read 'none.json'"),
        (("--load", "x.json", "epoll"), "--load shows what was measured"),
        (("--report", "page.pdf"), "--report"),
        (("--export", "table.xlsx"), "table.xlsx"),
        (("--repeat", "0"), "--repeat"),
        (("--count", "3", "http://127.0.0.1:1/"), "--count"),
        (("--latency", "soon"), "soon"),
        (("--latency", "0.4ms"), "--latency: whole milliseconds"),
        (("--latency", "2m"), "at most a minute"),
        (("--count=-5",), "--count: must be at least 1"),
        (("--size", "2Gi"), "at most 1Gi"),
        (("--load", "x.json", "--input", "urls.txt"), "--load shows what was measured"),
        (("--sweep", "concurrency=x"), "--sweep"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(
    compare: Compare, arguments: tuple[str, ...], said: str
) -> None:
    done = compare(*arguments)

    assert done.returncode in {2, 3}
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_file_that_cannot_be_written_is_found_before_the_runs(compare: Compare) -> None:
    done = compare(*QUICK, "epoll", "--report", "no/such/folder/page.html")

    assert done.returncode == 3
    assert "cannot write" in done.stderr
    assert done.stdout == ""


@pytest.mark.timeout(60)
def test_a_file_that_grows_too_large_is_lost_and_the_table_is_not(
    compare: Compare, tmp_path: Path
) -> None:
    (tmp_path / "old.json").write_text("{}")

    done = compare(
        *QUICK, "epoll", "--export", "old.json",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
    )  # fmt: skip

    assert done.returncode == 3
    assert "cannot write 'old.json'" in done.stderr
    assert "epoll" in done.stdout
    assert (tmp_path / "old.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]


TABLE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           6       100        20 recvfrom
 40.00    0.000400           4       300           sendto
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           2       400        20 total
"""


def test_a_table_of_strace_is_read() -> None:
    assert parsed(TABLE) == (400, (("sendto", 300), ("recvfrom", 100)))
    assert parsed("strace: attach: ptrace(PTRACE_SEIZE, 1): Operation not permitted") is None


@pytest.mark.timeout(60)
def test_system_calls_are_counted_in_a_run_apart(compare: Compare, tmp_path: Path) -> None:
    counted_by, why = counter()
    if not counted_by:
        pytest.skip(why)

    done = compare(*QUICK, "threads+socket", "uring", "--syscalls", "--export", "out.json")

    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    counts = {run["engine"]: run["syscalls"] for run in told["runs"]}
    assert 4 * 2 <= counts["threads+socket"] < 2_000
    assert told["counted_by"].startswith("strace")

"""Servers are measured alike, and only they."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from switches import need_voluntary_switches

from crawler.server_comparing import Load, measured, numbers
from crawler.server_comparison import (
    ServerComparison,
    ServerRun,
    as_csv,
    as_json,
    doubts,
    markdown,
    summaries,
    text,
)

TOY = (sys.executable, "-P", str(Path(__file__).parent / "scripts" / "toy_server.py"))
LOAD = Load(clients=(20,), messages=5)
RUN = ServerRun(
    model="epoll", protocol="echo", clients=100, messages=10, wall=1.0, cpu=0.5, user=0.3,
    system=0.2, rss_bytes=2**20, rss_by="VmHWM", voluntary=7, involuntary=1, ok=1000, wrong=0,
    missing=0, refused=0, latency=(0.001, 0.002), client_cpu=0.2,
)  # fmt: skip


def test_each_model_bears_the_load_and_its_processes_are_counted(fds: None) -> None:
    found = measured(["thread", "process"], LOAD, repeat=1, serve=TOY)

    assert {"thread", "process"} == {run.model for run in found.runs}
    assert found.absent == ()
    for run in found.runs:
        assert (run.ok, run.wrong, run.missing, run.refused) == (100, 0, 0, 0)
        assert run.cpu > 0, "100 messages with 20 000 additions each take more than a tick"
        assert run.cpu == run.user + run.system
        assert run.rss_bytes > 2**20
    by = {run.model: run.rss_by for run in found.runs}
    assert by["thread"] == "VmHWM"
    need_voluntary_switches()  # the last, so that all else is looked at everywhere
    assert all(run.voluntary > 0 for run in found.runs)


def test_a_model_that_cannot_run_is_named_with_its_last_words() -> None:
    found = measured(["gevent", "thread"], LOAD, repeat=2, serve=TOY)

    assert [run.model for run in found.runs] == ["thread", "thread"]
    ((model, why),) = found.absent
    assert model == "gevent"
    assert why.endswith("crawl: no gevent here")


def test_wrong_replies_are_figures_not_a_crash() -> None:
    (run,) = measured(["select"], LOAD, repeat=1, serve=TOY).runs

    assert (run.ok, run.wrong, run.missing) == (0, 20, 80)
    assert run.errors == (("another reply than the message", 20),)
    assert any("not all messages" in sentence for sentence in doubts([run]))


def test_a_summary_has_medians_and_the_worst_counts() -> None:
    runs = [replace(RUN, wall=wall, ok=ok, missing=1000 - ok) for wall, ok in
            ((1.0, 1000), (9.0, 990), (2.0, 1000))]  # fmt: skip

    (one,) = summaries(runs)

    assert (one.wall, one.fastest, one.slowest) == (2.0, 1.0, 9.0)
    assert (one.ok, one.missing, one.runs) == (990, 10, 3)


def test_loads_are_apart_and_the_cheapest_server_of_each_comes_first() -> None:
    runs = [RUN, replace(RUN, model="poll", cpu=0.1), replace(RUN, clients=10)]

    found = [(one.clients, one.model) for one in summaries(runs)]

    assert found == [(10, "epoll"), (100, "poll"), (100, "epoll")]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([RUN], "shared its processors"),
        ([RUN, replace(RUN, wall=1.6)], "wall varies"),
        ([replace(RUN, client_cpu=0.95)], "the client was busy"),
        ([replace(RUN, cpu=0.05)], "steps of 10 ms"),
        ([replace(RUN, refused=1)], "not all messages"),
    ],
)
def test_what_makes_a_figure_doubtful_is_said(runs: list[ServerRun], words: str) -> None:
    assert any(words in sentence for sentence in doubts(runs))
    assert len(doubts([RUN])) == 1


def test_every_form_has_every_run() -> None:
    comparison = ServerComparison(
        (RUN, replace(RUN, model="poll", repetition=2)), "crawl compare", "a machine",
        absent=(("gevent", "not installed"),),
    )  # fmt: skip

    assert [r["model"] for r in csv.DictReader(io.StringIO(as_csv(comparison)))] == [
        "epoll",
        "poll",
    ]
    told = json.loads(as_json(comparison))
    assert [len(told["runs"]), len(told["summaries"])] == [2, 2]
    for shown in (text(comparison), markdown(comparison)):
        assert "gevent cannot run here: not installed" in shown
        assert "1.0 MiB" in shown


def test_clients_are_a_list_of_numbers() -> None:
    assert numbers("100,1000") == (100, 1000)


@pytest.mark.parametrize(
    "words", [["nonesuch"], ["--clients", "x"], ["--clients", "0"], ["--protocol", "smtp"],
              ["--export", "a.txt"]],
)  # fmt: skip
def test_wrong_usage_is_code_2(crawl, words: list[str]) -> None:
    ended = crawl("compare", "--servers", *words)

    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr

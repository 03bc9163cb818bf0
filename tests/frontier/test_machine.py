"""Frontiers under any sequence of calls, crashes among them, against a model of plain sets."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from frontier.frontiers import Clock, own, page
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crawler.contracts import Facts, State
from crawler.frontier.sqlite import Sqlite
from crawler.model import Request
from crawler.politeness import Answer

HOSTS = st.sampled_from("abc")
NUMBERS = st.integers(0, 15)


class Crawl(RuleBasedStateMachine):
    """One state file; what is known of each URL, as of now and as of the last commit."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.frontier = self.opened()
        self.states: dict[str, State] = {}
        self.committed: dict[str, State] = {}
        self.marks = self.kept = 0
        self.under_way: list[Request] = []

    def opened(self) -> Sqlite:
        path = Path(self.folder.name) / "crawl.db"
        return Sqlite(path, own, robots=False, clock=self.clock, wall=self.clock)

    @rule(host=HOSTS, number=NUMBERS, depth=st.integers(0, 3))
    def add(self, host: str, number: int, depth: int) -> None:
        request = page(host, number, depth)
        assert self.frontier.add(request) == (request.url not in self.states)
        self.states.setdefault(request.url, State.QUEUED)

    @rule()
    def take(self) -> None:
        item = self.frontier.take()
        if isinstance(item, Request):
            assert self.states[item.url] is State.QUEUED
            assert item.url not in {request.url for request in self.under_way}
            self.under_way.append(item)

    @precondition(lambda self: self.under_way)
    @rule(state=st.sampled_from([State.DONE, State.FAILED, State.SKIPPED]), which=st.integers(0))
    def finish(self, state: State, which: int) -> None:
        request = self.under_way.pop(which % len(self.under_way))
        self.frontier.ended(request, Answer.FINE, latency=0.01, rest=0.0, peer="")
        self.frontier.finish(request, state, Facts("x" if state is State.FAILED else ""))
        self.states[request.url] = state
        self.marks += 1

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0), after=st.sampled_from([0.0, 2.0]))
    def retry(self, which: int, after: float) -> None:
        request = self.under_way.pop(which % len(self.under_way))
        self.frontier.ended(request, Answer.FINE, latency=0.01, rest=0.0, peer="")
        self.frontier.again(request, after=after)

    @rule()
    def time_passes(self) -> None:
        self.clock.now += 1.5

    @rule(synced=st.booleans())
    def commit(self, synced: bool) -> None:
        self.frontier.commit({"out": str(self.marks)}, synced=synced)
        if self.frontier.marks is not None:
            self.committed = dict(self.states)
            self.kept = self.marks

    @rule()
    def crash(self) -> None:
        self.frontier.close()
        self.frontier = self.opened()
        self.states = dict(self.committed)
        self.marks = self.kept
        self.under_way = []
        if self.kept:
            assert self.frontier.marks == {"out": str(self.kept)}

    @invariant()
    def accounts_are_right(self) -> None:
        for state in (State.QUEUED, State.DONE, State.FAILED, State.SKIPPED):
            wanted = sum(known is state for known in self.states.values())
            assert self.frontier.counts[state] == wanted, state

    def teardown(self) -> None:
        """Nothing is lost: all that is queued can be had."""
        for request in self.under_way:
            self.frontier.again(request)
            self.frontier.ended(request, Answer.FINE, latency=0.01, rest=0.0, peer="")
        left = {url for url, state in self.states.items() if state is State.QUEUED}
        found = set()
        for _ in range(200):
            self.clock.now += 3.0
            while isinstance(item := self.frontier.take(), Request):
                assert item.url not in found
                found.add(item.url)
                self.frontier.ended(item, Answer.FINE, latency=0.01, rest=0.0, peer="")
                self.frontier.finish(item, State.DONE, Facts())
            if found == left:
                break
        assert found == left
        self.frontier.close()
        self.folder.cleanup()


TestCrawl = Crawl.TestCase
TestCrawl.pytestmark = [pytest.mark.timeout(120)]
TestCrawl.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

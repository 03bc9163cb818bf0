"""What `crawl explain URL` does: says what is known of a URL, then asks its host, once.

    URL ──► explanation ──► robots.txt ──► exchanges, redirects and retries as they come ──► verdict

A redirect to another origin is followed only where that one's robots.txt lets us. Exit codes: 0 the
URL was fetched; 1 it was not; 2 usage. Read beside it: explanation.py (the words), fetching.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import crawler
from crawler import config, engines, handover, options, robots
from crawler.drive import drive
from crawler.ending import FAILED
from crawler.errors import ConfigError, EngineUnavailable, InvalidURL
from crawler.explanation import (
    explain,
    lines,
    lines_of_attempt,
    lines_of_end,
    lines_of_rules,
    lines_of_skip,
    lines_of_verdict,
)
from crawler.frontier.listed import Listed
from crawler.hops import SAFE_HEADERS
from crawler.model import Purpose, Request, Skip
from crawler.planning import agent_of
from crawler.reach import pinned
from crawler.scope import Scope
from crawler.settling import Fetches
from crawler.urls import seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from crawler.config import Settings
    from crawler.contracts import Engine
    from crawler.model import Final
    from crawler.robots import Robots

_ENGINE = "selectors"  # when none was asked for: it needs no patched process
_ROBOTS_REDIRECTS = 5  # RFC 9309 2.3.1.2


def show(
    settings: Settings,
    typed: str,
    seeds: Sequence[str],
    *,
    offline: bool,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    say: Callable[[str], None],
) -> int:
    """Explain `typed`, line by line; the exit code.

    Args:
        settings: the effective settings.
        typed: the URL.
        seeds: of the crawl whose scope is asked about; none = the URL is a seed itself.
        offline: ask nobody.
        arguments: the command line, for the patched process that some engines need.
        environ: the environment.
        say: takes each line.

    Raises:
        ConfigError, EngineUnavailable: exit code 2.
    """
    try:
        canonical_seeds = tuple(seed(text)[0] for text in seeds)
        url, credentials = seed(typed)
    except InvalidURL as error:
        raise ConfigError(str(error)) from error
    name = _ENGINE if settings.origins["engine"] == "default" else settings.text("engine")
    if not offline and engines.needs_patch(name) and not engines.is_patched():
        handover.again(arguments=arguments, environ=environ)
    scope = Scope(
        kind=settings.text("scope"),
        include=settings.texts("include"),
        exclude=settings.texts("exclude"),
        max_depth=settings.count("depth"),
    )
    for text in canonical_seeds:
        scope.add(text)
    explanation = explain(typed, scope, seeds=canonical_seeds)
    for line in lines(explanation):
        say(line)
    if offline:
        return FAILED if explanation.scope.code else 0
    reason = engines.unavailable(name)
    if reason:
        raise EngineUnavailable(reason)
    limits, network = config.limits(settings), config.network(settings)
    engine = engines.open(name, concurrency=1, limits=limits, network=network)
    try:
        fields = (*config.headers(settings, crawler.__version__), *credentials)
        request = Request(url, fields, depth=1 if seeds else 0, since=time.monotonic())
        final = _Asking(engine, settings, scope, say).page(request)
    finally:
        engine.close()
    fetched = not isinstance(final, Skip) and final.ok and not explanation.scope.code
    return 0 if fetched else FAILED


class _Asking:
    """Exchanges that are told as they end."""

    def __init__(
        self, engine: Engine, settings: Settings, scope: Scope, say: Callable[[str], None]
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._scope = scope
        self._say = say
        self._limits = config.limits(settings)
        network = config.network(settings)
        self._proxied = bool(network.proxy)
        self._pinned = pinned(network)
        self._retry_on = options.retry_words(settings.text("retry_on"))
        self._rules: dict[str, Robots] = {}
        self._number = 0

    def page(self, request: Request) -> Final:
        """The page at the end of all redirects, told from its robots.txt on."""
        code, reason = self._robots_say(request)
        if code:
            final: Final = Skip(request, code, reason)
        else:
            follow = self._settings.count("max_redirects")
            final = self._fetched(
                request,
                follow=follow if self._settings.flag("redirects") else 0,
                refuse=self._refusal,
            )
        self._all(lines_of_skip(final) if isinstance(final, Skip) else lines_of_end(final))
        return final

    def _refusal(self, hop: Request) -> tuple[str, str]:
        """Why a redirect is not followed."""
        ruling = self._scope.ruling(hop)
        return (ruling.code, ruling.why) if ruling.code else self._robots_say(hop)

    def _robots_say(self, request: Request) -> tuple[str, str]:
        """What the robots.txt of the request's origin has against it; told."""
        origin = request.origin
        if origin not in self._rules:
            fields = tuple(field for field in request.headers if field[0].lower() in SAFE_HEADERS)
            asked = Request(f"{origin}/robots.txt", fields, purpose=Purpose.ROBOTS)
            final = self._fetched(asked, follow=_ROBOTS_REDIRECTS)
            assert not isinstance(final, Skip)
            self._rules[origin] = robots.judge(final, agent_of(self._settings))
            self._all(lines_of_rules(self._rules[origin]))
        learnt = self._rules[origin]
        self._all(lines_of_verdict(learnt, request.url))
        if self._settings.text("robots") != "obey":
            return "", ""
        if learnt.rules is None:
            return learnt.code, learnt.reason
        verdict = learnt.rules.verdict(request.url)
        return ("", "") if verdict.allowed else ("robots.disallowed", verdict.line)

    def _fetched(
        self,
        request: Request,
        *,
        follow: int,
        refuse: Callable[[Request], tuple[str, str]] | None = None,
    ) -> Final:
        fetches = Fetches(
            Listed(iter([request])),
            limits=self._limits,
            follow=follow,
            retry_on=self._retry_on,
            proxied=self._proxied,
            pinned=self._pinned,
            refuse=refuse,
        )
        found: Final | None = None
        for ended in drive(self._engine, fetches, 1):
            for outcome in ended:
                self._number += 1
                self._all(lines_of_attempt(outcome, self._number))
                found = fetches.settle(outcome)
        assert found is not None
        return found

    def _all(self, found: Iterable[str]) -> None:
        for line in found:
            self._say(line)

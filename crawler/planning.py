"""From settings to what a crawl is made of: plan, template, scope, manners, frontier.

Read beside it: settings.py (the table), config.py (which value wins), run_command.py (who runs it).
"""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import crawler
from crawler import addresses, config, options, reading, robots, sharding, sinks
from crawler.console import is_terminal
from crawler.cookies import Jar, load
from crawler.entries import columns_of as columns_in
from crawler.entries import format_of
from crawler.errors import InputError
from crawler.frontier import opening
from crawler.lines import lines, recoded, unpacked
from crawler.ordered import LEAST
from crawler.plan import Plan
from crawler.politeness import Politeness
from crawler.scope import Scope
from crawler.traps import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from crawler.config import Settings
    from crawler.frontier.memory import Memory
    from crawler.frontier.seen import Seen
    from crawler.frontier.sqlite import Sqlite


_HEADING = 64 * 1024  # bytes in which the first line of a CSV file ends


def plan_of(settings: Settings) -> Plan:
    """How to fetch, as the settings say. Raises ConfigError."""
    if settings.count("concurrency") < 1:
        raise settings.error("concurrency", "must be at least 1, not 0")
    engine = settings.text("engine")
    obey = settings.text("robots") == "obey"
    return Plan(
        engine=engine,
        # One after the other: what would wait inside the engine had better wait in the input.
        concurrency=_processes(settings)
        if is_sequential(engine)
        else settings.count("concurrency"),
        limits=config.limits(settings),
        network=config.network(settings),
        redirects=settings.count("max_redirects") if settings.flag("redirects") else 0,
        retry_on=options.retry_words(settings.text("retry_on")),
        rate=settings.number("rate"),
        links=settings.flag("follow"),
        requisites=settings.flag("requisites"),
        ordered=max(LEAST, 10 * settings.count("concurrency")) if settings.flag("ordered") else 0,
        sitemaps=settings.flag("sitemaps"),
        nofollow=obey,
        max_pages=settings.count("max_pages"),
        parser=settings.text("parser"),
        parsers=settings.count("parsers"),
        select=settings.texts("select"),
        text=settings.flag("text"),
        processes=_processes(settings),
        jar=_jar(settings),
        agent=agent_of(settings),
    )


def _jar(settings: Settings) -> Jar | None:
    """Where cookies are kept, if they are. Raises InputError."""
    path = settings.text("load_cookies")
    if not path and not settings.flag("cookies"):
        return None
    jar = Jar()
    if path:
        load(Path(path), jar)
    return jar


def _processes(settings: Settings) -> int:
    """Over how many the exchanges are spread. Raises ConfigError."""
    processes = settings.count("processes")
    if not 1 <= processes <= sharding.MOST:
        raise settings.error("processes", f"must be from 1 to {sharding.MOST}, not {processes}")
    return processes


def template_of(settings: Settings) -> reading.Template:
    """What all requests have in common. Raises ConfigError, InputError."""
    data = settings.text("data")
    body = data.encode()
    if data.startswith("@"):
        try:
            body = Path(data[1:]).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {data[1:]!r} for --data: {error.strerror}") from error
    method = settings.text("method").upper()
    if settings.flag("head"):
        if body or method not in {"", "HEAD"}:
            raise settings.error("head", "not together with --data or another --method")
        method = "HEAD"
    method = method or ("POST" if body else "GET")
    fields = config.headers(settings, crawler.__version__)
    if any(map(sinks.is_warc, settings.texts("output"))):
        fields = sinks.archived(fields)
    return reading.Template(method, fields, body)


def inputs_of(settings: Settings) -> tuple[str, ...]:
    """The inputs; stdin when none is named and it is no terminal. Raises ConfigError."""
    inputs = settings.texts("input")
    if inputs or settings.texts("retry_failed"):
        return inputs
    if is_terminal(0):
        raise settings.error("input", "name a file of URLs, a URL, or - for stdin")
    return ("-",)


def reading_of(
    settings: Settings,
    inputs: Sequence[str],
    template: reading.Template,
    seen: Seen | None = None,
) -> reading.Reading:
    """The entries of the inputs; `seen` tells duplicates where no frontier does."""
    return reading.Reading(
        inputs,
        template=template,
        seen=seen,
        form=settings.text("format"),
        column=settings.text("column"),
        failed=settings.texts("retry_failed"),
        shard=options.shard(settings.text("shard")),
    )


def columns_of(settings: Settings, inputs: Sequence[str]) -> tuple[str, ...]:
    """The columns of the input that go into the records, where they are known in advance."""
    if len(inputs) != 1 or format_of(inputs[0], settings.text("format")) != "csv":
        return ()
    path = Path(inputs[0])
    if not path.is_file():
        return ()
    with contextlib.suppress(OSError, InputError), path.open("rb") as file:
        head = recoded(unpacked(iter([file.read(_HEADING)]), inputs[0]))
        return columns_in(lines(head), settings.text("column"))
    return ()


def scope_of(settings: Settings) -> Scope | None:
    """What of what is found belongs to the crawl; None when nothing is looked for."""
    looking = any(settings.flag(name) for name in ("follow", "sitemaps", "requisites"))
    forms = {format_of(name, settings.text("format")) for name in settings.texts("input")}
    if not looking and "sitemap" not in forms:
        return None
    if settings.text("shard"):
        raise settings.error("shard", "not with what finds URLs: they may be of another's hosts")
    return Scope(
        kind=settings.text("scope"),
        include=settings.texts("include"),
        exclude=settings.texts("exclude"),
        max_depth=settings.count("depth"),
        bounds=Bounds(
            pages=settings.count("max_per_host"), queries=settings.count("max_per_host") // 2
        ),
    )


def agent_of(settings: Settings) -> str:
    """Our product token: what robots.txt calls us."""
    named = dict(config.headers(settings, crawler.__version__)).get("User-Agent", "")
    return robots.agent_token(named or f"concurrent-crawler/{crawler.__version__}")


def is_sequential(engine: str) -> bool:
    """Whether the engine has one exchange under way at most."""
    return engine.partition("+")[0] == "sequential"


def frontier_of(settings: Settings, template: reading.Template) -> Memory | Sqlite:
    """The frontier, empty or as the file has it. Raises FrontierError, ConfigError."""
    path = settings.text("state")
    return opening.opened(
        Path(path) if path else None,
        politeness_of(settings),
        agent=agent_of(settings),
        fields=template.headers,
        robots=settings.text("robots") == "obey",
        is_public=is_public_of(settings),
        conditional=settings.flag("if_modified"),
    )


def politeness_of(settings: Settings) -> Politeness:
    """How hosts are treated."""
    return Politeness(
        per_host=settings.count("per_host"),
        concurrency=settings.count("concurrency"),
        earned=settings.origins["concurrency"] != "default",
        delay=settings.number("delay"),
        follow=settings.flag("follow"),
        crawl_delay=settings.text("crawl_delay") == "obey" and settings.text("robots") == "obey",
    )


def is_public_of(settings: Settings) -> Callable[[str], bool]:
    """Whether an address is not the user's own."""
    networks = [options.network(text) for text in settings.texts("treat_as_public")]
    if not networks:
        return addresses.is_public

    def is_public(address: str) -> bool:
        if addresses.is_public(address):
            return True
        known = ipaddress.ip_address(address.partition("%")[0])
        return any(known in network for network in networks)

    return is_public

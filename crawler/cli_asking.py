"""The options of `crawl explain` and `crawl plan`: what is said about one URL, and about a list."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from crawler.flags import effective, with_settings
from crawler.settings import Section

_SECTIONS = (Section.FETCH, Section.REQUEST, Section.LIMITS, Section.FOLLOW, Section.MANNERS,
             Section.NETWORK)  # fmt: skip
_PLANNED = (Section.INPUT, *_SECTIONS)
_NOT_OF_ONE_URL = frozenset(
    {"concurrency", "processes", "follow", "max_pages", "max_per_host", "sitemaps", "parser",
     "per_host", "delay", "rate", "crawl_delay", "treat_as_public", "method", "data", "head"}
)  # fmt: skip


@with_settings(sections=_SECTIONS, without=_NOT_OF_ONE_URL, defaults={"engine": "selectors"})
def explain(
    url: Annotated[str, typer.Argument(metavar="URL", help="What is asked about.")],
    *,
    seed: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A seed of the crawl in question; may be repeated."),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Say what is known without asking anybody.")
    ] = False,
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Say what a crawl makes of one URL, and what its host answers, exchange by exchange."""
    from crawler.explain_command import show

    settings = effective(given, config_file, no_config=no_config)
    code = show(
        settings,
        url,
        seed or (),
        offline=offline,
        arguments=sys.argv[1:],
        environ=os.environ,
        say=print,
    )
    sys.exit(code)


@with_settings(sections=_PLANNED)
def plan(
    *,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE|URL|-", help="Files of URLs, URLs, or - for stdin."),
    ] = None,
    hosts: Annotated[int, typer.Option(metavar="N", min=0, help="So many hosts are shown.")] = 20,
    given: dict[str, object],
    config_file: str,
    no_config: bool,
) -> None:
    """Say what a list will take, host by host, without fetching it: only robots.txt is."""
    from crawler.plan_command import plan as planned

    if inputs:
        named = given["input"]
        given["input"] = [*inputs, *(named if isinstance(named, list) else ())]
    for line in planned(effective(given, config_file, no_config=no_config), hosts=hosts):
        print(line)

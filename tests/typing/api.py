"""The public interface as a user's type checker sees it. Checked by mypy, never run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from crawler import (
    Failure,
    FetchError,
    Limits,
    Network,
    Politeness,
    Request,
    Response,
    Run,
    Scope,
    Skip,
    compare,
    crawl,
    fetch,
    fetch_all,
    links,
)


def one() -> str:
    limits = Limits(timeout=5)
    response: Response = fetch("example.org", transport="socket", limits=limits, follow=3)
    status: int = response.status
    kind: str | None = response.headers.get("content-type")
    return f"{status} {kind} {response.text} {response.ok}"


def page() -> list[str]:
    response = fetch("example.org")
    title = response.soup().title
    return [title.get_text() if title is not None else "", *links(response)]


def many() -> list[str]:
    network = Network(proxy="http://127.0.0.1:3128", ca_file=Path("ca.pem"))
    outcomes: Iterator[Response | Failure] = fetch_all(
        ["example.org/a", Request("https://example.org/b", headers=(("Accept", "text/html"),))],
        engine="gevent+socket",
        concurrency=50,
        network=network,
    )
    codes = []
    for outcome in outcomes:
        match outcome:
            case Response():
                codes.append(str(outcome.status))
            case Failure():
                error: FetchError = outcome.error
                codes.append(error.code)
    return codes


def costs() -> float:
    runs: list[Run] = compare(["http://127.0.0.1/"], engines=("sequential", "selectors"), repeat=3)
    return runs[0].wall


def told_apart_by_ok() -> list[str]:
    outcomes = fetch_all(["https://example.org/a"])
    said = [f"{outcome.status}" if outcome.ok else f"{outcome}" for outcome in outcomes]
    for final in crawl(["https://example.org/"], scope=Scope(kind="host"), max_pages=20):
        if final.ok:
            said += links(final)
        elif not isinstance(final, Response):
            said.append(final.code)
    return said


def closed_early() -> str:
    pages = crawl(["https://example.org/"], politeness=Politeness(delay=1.0))
    first: Response | Failure | Skip = next(pages)
    pages.close()
    with closing(fetch_all(["https://example.org/a"])) as outcomes:
        return f"{first.url} {next(outcomes).url}"

"""Fetch many URLs at once, by the I/O model you choose, and see what each costs.

    from crawler import fetch, fetch_all

    print(fetch("https://example.org/").status)
    for outcome in fetch_all(["https://example.org/a", "https://example.org/b"], concurrency=2):
        print(outcome.url, outcome.status if outcome.ok else outcome)

`fetch` raises what goes wrong; `fetch_all` (a list) and `crawl` (links, too, politely) give every
URL its outcome: a Response, a Failure, and from `crawl` a Skip. `links` finds what a page links
to, `compare` measures engines. Errors are CrawlerErrors with a stable `.code`.

Importing this imports nothing else and patches nothing: names load their module when first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers take it for True; importing typing would cost 5 ms

if TYPE_CHECKING:
    from crawler.comparing import compare
    from crawler.comparison import Run
    from crawler.errors import (
        AddressBlocked,
        BodyTooLarge,
        ConfigError,
        ConnectError,
        ConnectionLost,
        CrawlerError,
        DecodeError,
        EngineUnavailable,
        FetchError,
        FetchTimeout,
        FrontierError,
        InputError,
        InvalidURL,
        LocalError,
        ProtocolError,
        ProxyError,
        RedirectError,
        ResolveError,
        SinkError,
        SitemapError,
        StatusError,
        TLSError,
        TooManyRedirects,
    )
    from crawler.extract import links
    from crawler.fetching import fetch, fetch_all
    from crawler.following import crawl
    from crawler.model import (
        Failure,
        Final,
        Headers,
        Limits,
        Network,
        Outcome,
        Request,
        Response,
        Skip,
        Timing,
    )
    from crawler.politeness import Politeness
    from crawler.scope import Scope

__all__ = [
    "AddressBlocked",
    "BodyTooLarge",
    "ConfigError",
    "ConnectError",
    "ConnectionLost",
    "CrawlerError",
    "DecodeError",
    "EngineUnavailable",
    "Failure",
    "FetchError",
    "FetchTimeout",
    "Final",
    "FrontierError",
    "Headers",
    "InputError",
    "InvalidURL",
    "Limits",
    "LocalError",
    "Network",
    "Outcome",
    "Politeness",
    "ProtocolError",
    "ProxyError",
    "RedirectError",
    "Request",
    "ResolveError",
    "Response",
    "Run",
    "Scope",
    "SinkError",
    "SitemapError",
    "Skip",
    "StatusError",
    "TLSError",
    "Timing",
    "TooManyRedirects",
    "compare",
    "crawl",
    "fetch",
    "fetch_all",
    "links",
]

if not TYPE_CHECKING:
    _ELSEWHERE = {
        "Failure": "model",
        "Final": "model",
        "Headers": "model",
        "Limits": "model",
        "Network": "model",
        "Outcome": "model",
        "Politeness": "politeness",
        "Request": "model",
        "Response": "model",
        "Run": "comparison",
        "Scope": "scope",
        "Skip": "model",
        "Timing": "model",
        "compare": "comparing",
        "crawl": "following",
        "fetch": "fetching",
        "fetch_all": "fetching",
        "links": "extract",
    }

    def __getattr__(name):
        """PEP 562: the module of a public name is imported at its first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"crawler.{_ELSEWHERE.get(name, 'errors')}"), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})

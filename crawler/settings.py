"""Every setting of `crawl`, once: its name, unit, default and what it means.

    name         concurrency = 8        CRAWL_CONCURRENCY=8        --concurrency 8     -c 8
                 └ in TOML              └ in the environment       └──── on the command line

The command line, the environment, the TOML reader, `crawl config` and the tests of config/ and
docs/usage.md are all made from this table. Read beside it: options.py (units), config.py.
"""

from __future__ import annotations

import difflib
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from crawler import options

if TYPE_CHECKING:
    from collections.abc import Callable

Value: TypeAlias = str | int | float | bool | tuple[str, ...]


class Kind(enum.Enum):
    """What a setting's value is, and how it is written."""

    TEXT = "text"
    COUNT = "whole number"
    SECONDS = "duration"
    BYTES = "size"
    RATE = "rate"
    FLAG = "flag"
    LEVEL = "level"  # a flag that counts how often it is given
    TEXTS = "texts"  # may be given several times


class Section(enum.Enum):
    """The part of the help a setting stands in."""

    INPUT = "Input"
    FETCH = "Fetching"
    REQUEST = "Requests"
    LIMITS = "Limits"
    FOLLOW = "Following links"
    MANNERS = "Manners"
    NETWORK = "Network"
    OUTPUT = "Output"
    RUN = "Run"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    name: str
    kind: Kind
    default: Value
    section: Section
    help: str
    flags: tuple[str, ...] = ()  # further spellings on the command line
    metavar: str = ""
    check: Callable[[str], object] | None = None  # raises ValueError; per item of a TEXTS

    def read(self, text: str) -> Value:
        """The value written as `text`. Raises ValueError."""
        if self.kind is Kind.TEXTS:
            return tuple(self._checked(item) for item in text.split("\n") if item.strip())
        if self.kind is Kind.TEXT:
            return self._checked(text)
        return _READERS[self.kind](text)

    def read_all(self, texts: list[str]) -> Value:
        """The value of a TEXTS given once per item. Raises ValueError."""
        return tuple(self._checked(item) for item in texts)

    def _checked(self, text: str) -> str:
        if self.check is not None:
            self.check(text)
        return text


_READERS: dict[Kind, Callable[[str], Value]] = {
    Kind.COUNT: options.count,
    Kind.LEVEL: options.count,
    Kind.SECONDS: options.seconds,
    Kind.BYTES: options.size,
    Kind.RATE: options.rate,
    Kind.FLAG: options.flag,
}


def _method(text: str) -> None:
    if text and not (text.isascii() and text.isalpha()):
        raise ValueError(f"not a method: {text!r} (like GET, HEAD or POST)")


class OneOf:
    """The check of a setting that takes one of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, text: str) -> None:
        """Raises ValueError."""
        if text not in self.words:
            close = difflib.get_close_matches(text, self.words, n=1)
            nearest = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"not one of {', '.join(self.words)}: {text!r}{nearest}")


_I, _F, _Q, _L = Section.INPUT, Section.FETCH, Section.REQUEST, Section.LIMITS
_W = Section.FOLLOW
_M, _N, _O, _R = Section.MANNERS, Section.NETWORK, Section.OUTPUT, Section.RUN

SETTINGS: tuple[Setting, ...] = (
    Setting("input", Kind.TEXTS, (), _I,
            "File of URLs, one per line; - is stdin. Same as an argument.", ("-i",), "FILE"),
    Setting("format", Kind.TEXT, "auto", _I,
            "How inputs are read: lines, csv, jsonl, sitemap; auto goes by their suffix.", (),
            "NAME", OneOf("auto", "lines", "csv", "jsonl", "sitemap")),
    Setting("column", Kind.TEXT, "", _I,
            "Column (name or number) or key that has the URL; the others go into the records.", (),
            "NAME"),
    Setting("shard", Kind.TEXT, "", _I,
            "Only the lines of the Ith of N parts, told apart by host: for N machines with one "
            "list.", (), "I/N", options.shard),
    Setting("retry_failed", Kind.TEXTS, (), _I,
            "Fetch what failed by this former output: .jsonl, .csv or .sqlite.", (), "FILE"),
    Setting("engine", Kind.TEXT, "gevent", _F,
            "The I/O model; `crawl engines` lists them.", ("-e",), "NAME"),
    Setting("concurrency", Kind.COUNT, 16, _F,
            "Most exchanges under way at once.", ("-c",), "N"),
    Setting("processes", Kind.COUNT, 1, _F,
            "Processes that fetch and look at pages, at most 64, each with its share of the hosts; "
            "for when one processor is not enough.", (), "N"),
    Setting("retries", Kind.COUNT, 2, _F,
            "Further attempts.", (), "N"),
    Setting("retry_on", Kind.TEXT, "retryable,429,503", _F,
            "What is tried again: retryable (passing failures), statuses (429, 5xx), error codes "
            "or their families (timeout.idle, connect).", (), "WORDS", options.retry_words),
    Setting("redirects", Kind.FLAG, True, _F, "Follow redirects."),
    Setting("max_redirects", Kind.COUNT, 10, _F, "Redirects followed for one URL.", (), "N"),
    Setting("method", Kind.TEXT, "", _Q,
            "Method; GET, or POST with --data.", ("-X",), "NAME", _method),
    Setting("data", Kind.TEXT, "", _Q,
            "Body sent with every request; @FILE reads it from a file.", ("-d",), "TEXT"),
    Setting("head", Kind.FLAG, False, _Q, "Ask for the head only (HEAD).", ("-I",)),
    Setting("header", Kind.TEXTS, (), _Q,
            "Field sent with every request; 'Name:' takes away a default.", ("-H",),
            "'NAME: VALUE'", options.header),
    Setting("user", Kind.TEXT, "", _Q,
            "Name and password (Basic) for the hosts of the list; not handed on to others.",
            ("-u",), "NAME:PASSWORD", options.user),
    Setting("user_agent", Kind.TEXT, "", _Q,
            "User-Agent; concurrent-crawler/VERSION when not given.", ("-A",), "TEXT"),
    Setting("contact", Kind.TEXT, "", _Q,
            "URL or mail address of whom to ask, put into User-Agent (mail: also From).", (),
            "TEXT"),
    Setting("cookies", Kind.FLAG, False, _Q,
            "Keep the cookies that servers set and send them back, as a browser would."),
    Setting("load_cookies", Kind.TEXT, "", _Q,
            "Begin with the cookies of a cookies.txt; means --cookies.", (), "FILE"),
    Setting("max_time", Kind.SECONDS, 60.0, _L,
            "One attempt, from its start to the last byte.", ("-m",), "TIME"),
    Setting("max_url_time", Kind.SECONDS, 300.0, _L,
            "One URL: redirects, retries and waits together.", (), "TIME"),
    Setting("dns_timeout", Kind.SECONDS, 5.0, _L, "One name.", (), "TIME"),
    Setting("connect_timeout", Kind.SECONDS, 10.0, _L,
            "One address, TLS handshake included.", (), "TIME"),
    Setting("first_byte_timeout", Kind.SECONDS, 30.0, _L,
            "From the request sent to the first byte.", (), "TIME"),
    Setting("read_timeout", Kind.SECONDS, 15.0, _L, "Between two reads.", (), "TIME"),
    Setting("min_speed", Kind.BYTES, 256, _L,
            "Bytes a second of a body, over 20 s; what is slower has failed; 0 = no limit.", (),
            "SIZE"),
    Setting("max_body", Kind.BYTES, 10 * 1024 * 1024, _L,
            "Of one body, as sent and again after decoding.", (), "SIZE"),
    Setting("follow", Kind.FLAG, False, _W, "Follow the links on pages."),
    Setting("depth", Kind.COUNT, 20, _W, "Links from a seed that are followed.", (), "N"),
    Setting("max_pages", Kind.COUNT, 0, _W,
            "Stop after so many pages, exit 4; 0 = no limit.", (), "N"),
    Setting("max_per_host", Kind.COUNT, 10_000, _W,
            "Most pages of one host that are found; 0 = no limit.", (), "N"),
    Setting("scope", Kind.TEXT, "origin", _W,
            "What belongs to the crawl around a seed: origin, host, domain (by the public suffix "
            "list) or prefix (its folder).", (), "KIND",
            OneOf("origin", "host", "domain", "prefix")),
    Setting("include", Kind.TEXTS, (), _W,
            "Only links with a match of this regular expression in their URL.", (), "REGEX",
            options.pattern),
    Setting("exclude", Kind.TEXTS, (), _W,
            "No URL with a match of this regular expression.", (), "REGEX", options.pattern),
    Setting("requisites", Kind.FLAG, False, _W,
            "Fetch what pages need to be shown, too: images, styles, scripts.", ("-p",)),
    Setting("sitemaps", Kind.FLAG, False, _W, "Take the URLs of the hosts' sitemaps, too."),
    Setting("parser", Kind.TEXT, "fast", _W,
            "What finds links: fast, or bs4 (BeautifulSoup over lxml), the reference.", (), "NAME",
            OneOf("fast", "bs4")),
    Setting("parsers", Kind.COUNT, 0, _W,
            "Processes that parse all pages; 0 = one, for those alone that may take long.", (),
            "N"),
    Setting("robots", Kind.TEXT, "obey", _M,
            "obey or ignore what robots.txt and pages say against being fetched or followed.", (),
            "WORD", OneOf("obey", "ignore")),
    Setting("crawl_delay", Kind.TEXT, "obey", _M,
            "obey or ignore the Crawl-delay of robots.txt, up to 30 s.", (), "WORD",
            OneOf("obey", "ignore")),
    Setting("treat_as_public", Kind.TEXTS, (), _M,
            "Networks of your own to be treated like anyone's: to try manners out.", (), "NETWORK",
            options.network),
    Setting("rate", Kind.RATE, 0.0, _M,
            "Most requests started per second or minute, all hosts together; 0 = no limit.", (),
            "N/s"),
    Setting("per_host", Kind.COUNT, 0, _M,
            "Most exchanges under way with one host; 0 = no limit.", (), "N"),
    Setting("delay", Kind.SECONDS, 0.0, _M,
            "Between two requests to one host.", ("-w",), "TIME"),
    Setting("proxy", Kind.TEXT, "", _N,
            "HTTP proxy; https is tunnelled through it.", ("-x",), "URL"),
    Setting("insecure", Kind.FLAG, False, _N, "Do not check certificates.", ("-k",)),
    Setting("cacert", Kind.TEXT, "", _N,
            "Trusted certificates in PEM instead of certifi's.", (), "FILE"),
    Setting("resolve", Kind.TEXTS, (), _N,
            "Use ADDRESS for HOST and PORT instead of asking DNS.", (), "HOST:PORT:ADDRESS",
            options.resolve),
    Setting("ipv4", Kind.FLAG, False, _N, "Only IPv4 addresses.", ("-4",)),
    Setting("ipv6", Kind.FLAG, False, _N, "Only IPv6 addresses.", ("-6",)),
    Setting("output", Kind.TEXTS, (), _O,
            "Write records to FILE: .jsonl, .csv, .sqlite, .parquet or .warc.gz, or FILE:FORMAT; "
            "- is stdout.", ("-o",), "FILE"),
    Setting("warc_size", Kind.BYTES, 1_000_000_000, _O,
            "Begin another WARC file after so much.", (), "SIZE"),
    Setting("ordered", Kind.FLAG, False, _O,
            "Records in the order of the input's lines; a slow one holds up those after it."),
    Setting("json", Kind.FLAG, False, _O, "JSON Lines on stdout, also on a terminal."),
    Setting("fields", Kind.TEXT, "", _O,
            "Fields of a record, in this order; all when not given.", (), "A,B,..."),
    Setting("select", Kind.TEXTS, (), _O,
            "Field taken from pages by a CSS selector: title=h1, price=.price::text, "
            "next=a.next::attr(href), tags[]=.tag.", (), "NAME=CSS"),
    Setting("text", Kind.FLAG, False, _O, "Field `text`: what people read on the page."),
    Setting("save_dir", Kind.TEXT, "", _O,
            "Keep bodies here, named by their SHA-256.", (), "DIR"),
    Setting("mirror", Kind.TEXT, "", _O,
            "Keep pages here as files to browse, named by their URLs, links made to fit.", (),
            "DIR"),
    Setting("overwrite", Kind.FLAG, False, _O, "Replace existing output files."),
    Setting("append", Kind.FLAG, False, _O, "Add to existing output files."),
    Setting("summary", Kind.TEXT, "", _O, "Write the summary as JSON to FILE.", (), "FILE"),
    Setting("manners", Kind.TEXT, "", _O,
            "Write what every host had to bear to FILE, a JSON object on each line.", (), "FILE"),
    Setting("progress", Kind.FLAG, True, _O, "Progress on stderr when it is a terminal."),
    Setting("quiet", Kind.LEVEL, 0, _O,
            "Only errors on stderr; twice: no result lines on a terminal either.", ("-q",)),
    Setting("verbose", Kind.LEVEL, 0, _O, "Log to stderr; twice: every exchange.", ("-v",)),
    Setting("log_file", Kind.TEXT, "", _O,
            "Log to the end of FILE instead; - is stderr.", (), "FILE"),
    Setting("log_format", Kind.TEXT, "text", _O, "Of the log: text or json.", (), "NAME",
            OneOf("text", "json")),
    Setting("state", Kind.TEXT, "", _R,
            "Keep the whole crawl in FILE: the same command goes on after any interruption.", (),
            "FILE"),
    Setting("if_modified", Kind.FLAG, False, _R,
            "Fetch what a finished --state has anew, only what has changed since."),
    Setting("max_run_time", Kind.SECONDS, 0.0, _R,
            "Stop the whole run after this time, exit 4; 0 = no limit.", (), "TIME"),
    Setting("max_errors", Kind.COUNT, 0, _R,
            "Stop when so many URLs have failed, exit 4; 0 = no limit.", (), "N"),
    Setting("grace", Kind.SECONDS, 10.0, _R,
            "What is under way may take this long after a stop.", (), "TIME"),
    Setting("fail_on", Kind.TEXT, "any", _R,
            "Exit 1 when URLs failed: none, any, all or a share like 5%.", (), "SHARE",
            options.share),
)  # fmt: skip

BY_NAME = {setting.name: setting for setting in SETTINGS}

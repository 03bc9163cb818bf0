"""How `--help` reads, and what is said to an option that is none here.

    Section.FETCH, Section.LIMITS ... ──► one heading each
    EXAMPLES["plan"]                  ──► the end of `crawl plan --help`
    --threads                         ──► "No such option: --threads; here that is --concurrency"

Read beside it: flags.py (settings as options), cli.py, elsewhere.py (names other tools use).
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, ClassVar

from typer.exceptions import TyperException

from crawler.elsewhere import NAMES
from crawler.settings import BY_NAME, Section
from crawler.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typer._click import Context, HelpFormatter

_TYPE = re.compile(r" <[^<>]*>$")  # typer's name of a Python type means nothing to a user
_FILES = "Settings from files"
_NEAR = 0.7  # of difflib's ratio: --concurency, --ouput; not --threads for --head

EXAMPLES = {
    "crawl": """
        crawl urls.txt -c 50 -o out.jsonl            fetch a list, 50 at once
        crawl https://example.org/ --follow --state crawl.db -o pages.warc.gz
        crawl resume crawl.db                        after an interruption
        crawl compare                                what each I/O model costs
        crawl demo                                   all of it, on this machine
        """,
    "run": """
        crawl urls.txt -c 50 -o out.jsonl            a list, 50 at once, records in a file
        cat urls.txt | crawl --save-dir pages        from a pipe, bodies kept
        crawl https://example.org/ --follow --state crawl.db -o pages.warc.gz
        crawl urls.txt --per-host 4 --delay 500ms    gently
        crawl urls.txt --dry-run                     what it will take
        """,
    "status": "crawl status crawl.db --hosts 5",
    "resume": """
        crawl resume crawl.db
        crawl resume crawl.db -c 100                 with more at once
        crawl resume crawl.db --if-modified          a finished crawl anew: what has changed
        """,
    "retry": "crawl retry crawl.db --failed timeout --failed http.503",
    "export": "crawl export crawl.db -o failed.csv --only failed",
    "compare": """
        crawl compare                                a site on this machine, three engines
        crawl compare all --report report.html       every engine that can run here
        crawl compare urls.txt gevent selectors -c 50 --repeat 5
        crawl compare gevent selectors --sweep concurrency=1,10,100
        crawl compare --servers epoll thread --clients 50,500
        """,
    "explain": """
        crawl explain HTTP://example.org:80/a/../b
        crawl explain https://example.org/x --seed https://example.org/docs/ --scope prefix
        """,
    "plan": "crawl plan urls.txt -c 100 --hosts 50",
    "engines": "crawl engines --explain epoll",
    "serve": """
        crawl serve --port 8080                      pages, delays, errors: config/urls.txt
        crawl serve --model epoll --protocol echo
        """,
    "swarm": """
        crawl swarm --clients 100 --messages 10      against our own echo server
        crawl swarm 127.0.0.1:7777 --clients 1000 --by threads
        """,
    "config": "crawl config --config config/polite.toml",
}


class Helped(Typed):
    """A command whose help has its options by section, and examples."""

    _ORDER: ClassVar = ("Options", *(section.value for section in Section), _FILES)

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        words = [self.options_metavar or ""]
        for param in self.get_params(ctx):
            if param.param_type_name == "argument":
                name = param.metavar or param.name or ""
                words.append(name if param.required or name[0] == "[" else f"[{name}]")
                words[-1] += "..." if param.nargs != 1 and name[-3:] != "..." else ""
        return words

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        rows: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                name, said = record
                rows.setdefault(self._heading(param), []).append((_TYPE.sub("", name), said))
        for heading in ("Arguments", *self._ORDER):
            if heading in rows:
                with formatter.section(heading):
                    formatter.write_dl(rows[heading])

    def format_epilog(self, _: Context, formatter: HelpFormatter) -> None:
        show_examples(self.name or "", formatter)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            name = getattr(error, "option_name", "")
            if name and hasattr(error, "possibilities"):  # there is no such option
                known = [o for p in self.get_params(ctx) for o in (*p.opts, *p.secondary_opts)]
                error.message = f"No such option: {name}{hint(name, known)}"
                error.possibilities = None
            error.message = f"{error.message}{_seen(error.__cause__)}"
            raise

    @staticmethod
    def _heading(param: object) -> str:
        if getattr(param, "param_type_name", "") == "argument":
            return "Arguments"
        name = getattr(param, "name", "")
        if name in {"config_file", "no_config"}:
            return _FILES
        return BY_NAME[name].section.value if name in BY_NAME else "Options"


def _seen(cause: BaseException | None) -> str:
    """What could not be read as a number, as pydantic's error has it; "" for any other error."""
    errors = getattr(cause, "errors", None)
    return f", not {errors()[0]['input']!r}" if errors is not None else ""


def show_examples(command: str, formatter: HelpFormatter) -> None:
    """The last section of a command's help; nothing where there are none."""
    lines = EXAMPLES.get(command, "").strip().splitlines()
    if lines:
        with formatter.section("Examples"):
            for line in lines:
                formatter.write(f"  {line.strip()}\n")


def hint(name: str, known: Iterable[str]) -> str:
    """What to write instead of the option `name`, as the end of a sentence; "" for no idea."""
    known = list(known)
    advice = NAMES.get(name, "")
    option = re.match(r"--[a-z-]+", advice)
    if advice and (option is None or option[0] in known):
        return f"; here {advice}" if option is None else f"; here that is {advice}"
    close = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
    return f"; did you mean {close[0]}?" if close else ""

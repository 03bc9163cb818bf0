"""Pages parsed where a parser that runs wild can be killed: in processes of their own.

    submit(page) ─► small and plain: parsed at once ─────────────────────────► Found
                 ─► large, or many tags: a worker process, later by ready() ─► Found

A few hundred kilobytes of nested tags keep lexbor busy for half a minute or make it fill the
memory; while a parser runs in C no timer of this process can end it. So a page is parsed here only
when even its worst arrangement is soon done, and elsewhere when not: what takes 5 seconds of
processor time or a gigabyte there is given up, and read without a tree instead (flat.py). With
`count` processes all pages go there, which uses more processors than one.

Read beside it: parse_pool.py (the processes), extract.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler import parse_worker
from crawler.extract import Found, extract, glanced, is_tame, tamed
from crawler.parse_pool import CPU_SECONDS, Pool

if TYPE_CHECKING:
    from crawler.model import Response


class Parsers:
    """Parses pages here or in worker processes, which start when there is something for them.

    Args:
        count: worker processes for all pages; 0 is for those alone that may take long.
        requisites: as for `extract`; so are `parser` and `agent`.
        wild: worker processes for pages that may take long, when `count` is 0.
        cpu_seconds: of a worker, for one page.
    """

    def __init__(
        self,
        count: int = 0,
        *,
        requisites: bool = False,
        parser: str = "fast",
        agent: str = "",
        wild: int = 1,
        cpu_seconds: float = CPU_SECONDS,
    ) -> None:
        self._everything = count > 0
        self._may_glance = parser == "fast" and not requisites and not count
        self._requisites, self._parser, self._agent = requisites, parser, agent
        work = ("extract", requisites, parser, agent)
        self._pool = Pool(work, most=count or wild, cpu_seconds=cpu_seconds, again="flat")

    @property
    def pending(self) -> int:
        """Pages submitted whose result `ready` has not given yet."""
        return self._pool.pending

    def submit(self, key: int, response: Response) -> Found | None:
        """What the page refers to; None when `ready` will tell, under that key. Never blocks."""
        known = response.findings
        if known is not None and known.found is not None:
            return known.found
        parser = self._parser
        if self._may_glance:
            found = glanced(response, agent=self._agent)
            if found is not None:
                return found
            parser = "tree"
        if self._everything or not is_tame(response.body):
            if self._pool.submit(key, response):
                return None
            parser = tamed(response, parser)
        return extract(response, requisites=self._requisites, parser=parser, agent=self._agent)

    def ready(self) -> list[tuple[int, Found]]:
        """The results that have come, each with its key; never blocks."""
        return [
            (key, parse_worker.found_of(told, reason)) for key, told, reason in self._pool.ready()
        ]

    def wait(self, timeout: float) -> None:
        """Return when `ready` has something to tell, or after so many seconds."""
        self._pool.wait(timeout)

    def close(self) -> None:
        """Kill the workers; what is pending is forgotten."""
        self._pool.close()

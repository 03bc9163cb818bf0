"""The fields that --select and --text add to a page's record, found without risk to the crawl.

    Fields.of(page) ─► small and plain: at once    else: a worker process, waited for

A selector may take time that grows with the square of a page, and whoever writes the page knows it;
so large pages are handled where that can be ended (see parsing.py). Waiting for it is bounded.
"""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING

from crawler import parse_worker, selecting
from crawler.errors import ConfigError
from crawler.extract import is_tame
from crawler.parse_pool import CPU_SECONDS, Pool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crawler.model import Response
    from crawler.selecting import Value

TEXT = "text"  # the field of --text
_TURN = 1.0  # seconds

_log = logging.getLogger(__name__)


class Fields:
    """What is taken from pages besides: values by selectors, readable text.

    Args:
        chosen: ``NAME=CSS`` each, as selecting.py describes.
        with_text: a field `text`, too.
        cpu_seconds: of a worker, for one page.

    Attributes:
        names: of the fields, in order.

    Raises:
        ConfigError: a selector is none, or a name is given twice.
    """

    def __init__(
        self,
        chosen: Iterable[str] = (),
        *,
        with_text: bool = False,
        cpu_seconds: float = CPU_SECONDS,
    ) -> None:
        texts = tuple(chosen)
        self._selectors = selecting.selectors(texts)
        self._with_text = with_text
        names = [selector.name for selector in self._selectors]
        if with_text and TEXT in names:
            raise ConfigError(f"--text makes a field {TEXT!r}; give --select another name")
        self.names = (*names, TEXT) if with_text else tuple(names)
        self._pool = Pool(("fields", texts, with_text), cpu_seconds=cpu_seconds)
        self.close = weakref.finalize(self, self._pool.close)  # ends the worker, if there is one

    def of(self, response: Response) -> dict[str, Value]:
        """The fields of one page; None, or an empty list, where there is nothing."""
        known = response.findings
        if known is not None and known.fields is not None:
            return dict(known.fields)
        if is_tame(response.body):
            values = parse_worker.values_of(response, self._selectors, with_text=self._with_text)
        else:
            values = self._elsewhere(response)
        return dict(zip(self.names, values, strict=True))

    def _elsewhere(self, response: Response) -> tuple[Value, ...]:
        told, reason = None, "parse.died"
        if self._pool.submit(0, response):
            while not (ready := self._pool.ready()):
                self._pool.wait(_TURN)
            ((_, told, reason),) = ready
        if told is None:
            _log.warning("no fields of %s: %s", ascii(response.url), reason)
            return parse_worker.no_values(self._selectors, with_text=self._with_text)
        return told

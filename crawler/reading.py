"""URLs from files, arguments and stdin, read as they are needed.

    files, -, URLs ──► chunks ──► (gunzip) ──► lines ──► Request | Failure | Pause

In a list a line is a URL, and what it carries after a tab; `#` begins a comment at the start of a
line or after white space; blank lines are nothing. entries.py has the other forms, records.py reads
former outputs. What is no URL, or stood there before, comes out as a Failure with the code
``url.invalid`` or ``url.duplicate``, so that every line has its record. A pipe or terminal that has
nothing yet gives a Pause: reading never waits, so fetching never waits for reading.

Facts: a FIFO without a writer yet is opened without waiting by O_NONBLOCK, and Linux then does not
report it as readable until the first writer came and wrote or left (poll(2), fifo(7)). stdin is
never set to O_NONBLOCK: the flag belongs to the open file, which other programs share (fcntl(2)).
"""

from __future__ import annotations

import os
import re
import select
import stat
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crawler import entries, records, sitemaps, slips, urls
from crawler.drafts import seed_request
from crawler.errors import FetchError, InputError, InvalidURL, SitemapError
from crawler.lines import CHUNK, SHOWN, Bad, lines, recoded, unpacked
from crawler.model import Failure, Pause, Purpose, Request
from crawler.parts import part_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from crawler.frontier.seen import Seen

_POLL = Pause(0.02)  # seconds between two looks at a pipe that has nothing: 50 wake-ups a second
_TURN = Pause(0.0)
_BETWEEN_TURNS = 2_000  # lines without a URL before the exchanges under way get a turn
_SELECT_MOST = 1024  # select(2) cannot look at descriptors from here on
_COMMENT = re.compile(rb"[ \t]#")
# A URL parser would drop a tab and join its sides, and put U+FFFD for what was no UTF-8.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Template:
    """What every request of a list has in common."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Reading:
    """The requests of all inputs, in order: an iterator that never blocks.

    Args:
        inputs: paths, ``-`` for stdin, or URLs with their scheme.
        template: method, headers and body of every request.
        seen: tells duplicates; None leaves them to whoever takes the requests.
        form: how inputs are read: one of `entries.FORMATS`.
        column: the column or key that has the URL; "" = it is looked for.
        failed: former outputs, whose failed URLs are read first.
        shard: part and parts: lines of other parts' hosts are passed over.
        clock: a monotonic clock, in seconds.

    Attributes:
        lines: URLs, duplicates and bad lines so far: the number of the last one.
        size: bytes of all inputs, 0 when unknown; `position` is how many of them were read.
        share: of the input that was handed out; None where its size is unknown.

    Raises:
        InputError: an input does not exist, at once; or reading fails, later.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        *,
        template: Template = Template(),
        seen: Seen | None = None,
        form: str = "auto",
        column: str = "",
        failed: Sequence[str] = (),
        shard: tuple[int, int] = (1, 1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lines = 0
        self.position = 0
        self.size = _size_of(inputs)
        self._template = template
        self._seen = seen
        self._clock = clock
        self._form = form
        self._column = column
        self._ends = 0  # ends of lines in what was read
        self._nothing = 0  # lines that are no entry
        self._items = self._read(inputs, failed)
        if shard[1] > 1:
            self._items = self._ours(self._items, *shard)

    def __iter__(self) -> Iterator[Request | Failure | Pause]:
        return self._items

    @property
    def share(self) -> float | None:
        if not self.size:
            return None
        # A chunk is read at once and handed out line by line: a short list is one chunk.
        given = min(1.0, (self.lines + self._nothing) / self._ends) if self._ends else 1.0
        return given * min(1.0, self.position / self.size)

    def _ours(
        self, items: Iterator[Request | Failure | Pause], part: int, parts: int
    ) -> Iterator[Request | Failure | Pause]:
        passed = 0
        for item in items:
            if isinstance(item, Pause) or part_of(item, parts) == part:
                yield item
                continue
            self.lines -= 1
            self._nothing += 1
            passed += 1
            if passed % _BETWEEN_TURNS == 0:
                yield _TURN

    def _read(
        self, inputs: Sequence[str], failed: Sequence[str]
    ) -> Iterator[Request | Failure | Pause]:
        for name in failed:
            yield from self._told(name, records.failed(name))
        for name in inputs:
            form = entries.format_of(name, self._form)
            if is_url(name):
                item = self._entry("argument", 0, name)
                if self._form == "sitemap" and isinstance(item, Request):
                    item = replace(item, purpose=Purpose.SITEMAP)
                yield item
                continue
            shown = "stdin" if name == "-" else name
            if form == "lines":
                yield from self._of_lines(name, shown)
            elif form == "sitemap":
                yield from self._of_sitemap(name, shown)
            else:
                found = lines(self._chunks(name, shown))
                column = self._column
                said = (
                    entries.of_rows(found, column, shown)
                    if form == "csv"
                    else entries.of_objects(found, column)
                )
                yield from self._told(shown, said)

    def _of_lines(self, name: str, shown: str) -> Iterator[Request | Failure | Pause]:
        idle = 0
        for item in lines(self._chunks(name, shown)):
            if isinstance(item, Pause):
                yield item
                continue
            number, line = item
            text = _text(line)
            if text:
                idle = 0
                yield self._entry(shown, number, text)
            else:
                idle += 1
                self._nothing += 1
                if idle % _BETWEEN_TURNS == 0:
                    yield _TURN

    def _told(
        self, shown: str, said: Iterator[entries.Said | Pause]
    ) -> Iterator[Request | Failure | Pause]:
        idle = 0
        for item in said:
            if isinstance(item, Pause):
                yield item
            elif item.text:
                idle = 0
                yield self._entry(shown, item.line, item.text, item.carried)
            else:
                idle += 1
                if idle % _BETWEEN_TURNS == 0:
                    yield _TURN

    def _of_sitemap(self, name: str, shown: str) -> Iterator[Request | Failure | Pause]:
        whole = bytearray()
        for chunk in self._chunks(name, shown):
            if isinstance(chunk, Pause):
                yield chunk
            elif len(whole) <= sitemaps.MOST_BYTES:
                whole += chunk
        try:
            for number, (text, is_sitemap, _) in enumerate(sitemaps.locations(bytes(whole)), 1):
                item = self._entry(shown, number, text)
                if is_sitemap and isinstance(item, Request):
                    item = replace(item, purpose=Purpose.SITEMAP)
                yield item
        except SitemapError as error:
            raise InputError(f"cannot read {shown} to its end: {error}") from error

    def _entry(self, name: str, line: int, text: str | Bad, carried: str = "") -> Request | Failure:
        self.lines += 1
        place = f"{name}:{line}: " if line else ""
        if isinstance(text, Bad):
            message = f"{place}{text.reason}"
            shown = urls.without_user(text.shown, is_url=False)
            return self._refused(message, "url.invalid", shown, carried=carried)
        try:
            if "\t" in text and not carried:
                text, carried = entries.with_fields(text)
            if _UNFIT.search(text):
                raise InvalidURL(f"not a URL: {text[:SHOWN]!a}")
            url, headers = urls.seed(text)
        except ValueError as error:  # InvalidURL is one
            shown = urls.without_user(text, is_url=False)[:SHOWN]
            said = str(error) if text.startswith(shown) else f"not a URL: {shown!a}"
            return self._refused(f"{place}{said}", "url.invalid", shown, carried=carried)
        if "@" in text:
            text = urls.without_user(text)
        if self._seen is not None and not self._seen.add(url):
            message = f"{place}seen before: {url}"
            return self._refused(message, "url.duplicate", text, url, carried)
        template = self._template
        return seed_request(
            url,
            (*template.headers, *headers) if headers else template.headers,
            method=template.method,
            body=template.body,
            number=self.lines,
            since=self._clock(),
            text=text,
            carried=carried,
        )

    def _refused(
        self, message: str, code: str, text: str, url: str = "", carried: str = ""
    ) -> Failure:
        seed = Request(url, number=self.lines, text=text, carried=carried)
        return Failure(seed, FetchError(message, code=code), datetime.now(UTC), 0.0, attempts=0)

    def _chunks(self, name: str, shown: str) -> Iterator[bytes | Pause]:
        """The bytes of one input, decompressed and as UTF-8, as far as they are there."""
        try:
            fd = os.dup(0) if name == "-" else os.open(name, os.O_RDONLY | os.O_NONBLOCK)
            try:
                regular = stat.S_ISREG(os.fstat(fd).st_mode)
                for chunk in recoded(unpacked(self._raw(fd, regular=regular), shown)):
                    if not isinstance(chunk, Pause):
                        self._ends += chunk.count(b"\n")
                    yield chunk
            finally:
                os.close(fd)
        except OSError as error:
            raise InputError(f"cannot read {shown}: {error.strerror}") from error

    def _raw(self, fd: int, *, regular: bool) -> Iterator[bytes | Pause]:
        while True:
            if not regular and not _is_readable(fd):
                yield _POLL
                continue
            try:
                data = os.read(fd, CHUNK)
            except BlockingIOError:  # a FIFO whose other reader was faster
                yield _POLL
                continue
            if not data:
                return
            self.position += len(data)
            yield data


def is_url(name: str) -> bool:
    """Whether an argument is a URL rather than a file: it has a scheme that can be fetched."""
    return name[:8].lower().startswith(("http://", "https://"))


def check(inputs: Sequence[str]) -> None:
    """Raises InputError when one of `inputs` is neither a URL nor a file that can be read."""
    for name in inputs:
        if name == "-" or is_url(name):
            continue
        try:
            mode = os.stat(name).st_mode  # noqa: PTH116 - the message needs the OSError
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(f"cannot read {name!r}: {reason}{slips.meant(name)}") from error
        if stat.S_ISDIR(mode):
            raise InputError(f"cannot read {name!r}: it is a directory")
        if not os.access(name, os.R_OK):
            raise InputError(f"cannot read {name!r}: Permission denied")


def _size_of(inputs: Sequence[str]) -> int:
    """Bytes of all inputs; 0 when one of them is no regular file."""
    size = 0
    for name in inputs:
        if is_url(name):
            continue
        try:
            status = os.fstat(0) if name == "-" else os.stat(name)  # noqa: PTH116
        except OSError:
            return 0
        if not stat.S_ISREG(status.st_mode):
            return 0
        size += status.st_size
    return size


def _is_readable(fd: int) -> bool:
    # gevent's select.select asks the kernel itself when the timeout is 0; its poll does not.
    if fd < _SELECT_MOST:
        return bool(select.select([fd], [], [], 0)[0])
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))


def _text(line: bytes | Bad) -> str | Bad:
    """What the line says, without comment and white space; "" for nothing."""
    if isinstance(line, Bad):
        return line
    line = line.strip()
    if not line or line.startswith(b"#"):
        return ""
    if b"#" in line:
        comment = _COMMENT.search(line)
        if comment is not None:
            line = line[: comment.start()].rstrip()
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        shown = line[:SHOWN].decode("utf-8", "replace")
        plain = urls.without_user(line.decode("latin-1"), is_url=False).encode("latin-1")
        return Bad(f"not a URL: the line is not UTF-8: {ascii(plain[:60])[1:]}", shown)

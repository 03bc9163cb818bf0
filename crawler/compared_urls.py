"""The URLs of a comparison: the whole list, its hosts, and whether they may be fetched so often."""

from __future__ import annotations

import ipaddress
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from crawler import reading, urls
from crawler.console import is_terminal
from crawler.errors import ConfigError, InputError
from crawler.frontier.seen import Seen
from crawler.model import Failure, Pause
from crawler.run_command import inputs_of, template_of
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.config import Settings
    from crawler.console import Console
    from crawler.model import Request

_MOST = 100_000  # URLs: a comparison keeps them all, and a digest of each for every run
_SHOWN = 5  # hosts named in the question


def read(settings: Settings, console: Console) -> list[Request]:
    """The whole list: waits for its end. Raises InputError, ConfigError."""
    inputs = inputs_of(settings)
    reading.check(inputs)
    found: list[Request] = []
    for entry in reading.Reading(inputs, template=template_of(settings), seen=Seen()):
        if isinstance(entry, Pause):
            time.sleep(entry.seconds)
        elif isinstance(entry, Failure):
            console.bad_line(str(entry.error))
        else:
            found.append(entry)
            if len(found) > _MOST:
                raise InputError(f"a comparison takes at most {_MOST} URLs")
    if not found:
        raise InputError("the input has no URLs")
    return found


def hosts(requests: Sequence[Request | str]) -> tuple[str, ...]:
    """The hosts of the URLs, those with most of them first."""
    return tuple(host for host, _ in _counted(requests).most_common())


def ask(requests: Sequence[Request | str], settings: Settings, *, times: int, yes: bool) -> None:
    """Have the user agree that hosts that are not this machine are asked that often.

    Raises:
        ConfigError: the user does not, or cannot be asked.
    """
    pinned = {pin.partition(":")[0] for pin in settings.texts("resolve") if _is_pin_to_self(pin)}
    others = Counter(
        {
            host: count * times
            for host, count in _counted(requests).items()
            if not _is_loopback(host) and host not in pinned
        }
    )
    if not others or yes:
        return
    named = ", ".join(f"{safe_text(host)} {count:,}" for host, count in others.most_common(_SHOWN))
    more = f" and {len(others) - _SHOWN} more hosts" if len(others) > _SHOWN else ""
    sentence = (
        f"a comparison fetches every URL {times} times: {others.total():,} requests ({named}{more})"
    )
    if not (is_terminal(0) and is_terminal(2)):
        raise ConfigError(f"{sentence}; -y says that these hosts are yours to ask")
    sys.stderr.write(f"crawl: {sentence}. Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise ConfigError("nothing was fetched")


def _counted(requests: Sequence[Request | str]) -> Counter[str]:
    return Counter(urls.origin(one if isinstance(one, str) else one.url).host for one in requests)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_pin_to_self(pin: str) -> bool:
    return _is_loopback(pin.split(":", 2)[-1].strip("[]"))

"""The URLs of a comparison: the whole list, its hosts, and whether they may be fetched so often."""

from __future__ import annotations

import ipaddress
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

from crawler import config, reading, urls
from crawler.console import is_terminal
from crawler.errors import ConfigError, InputError
from crawler.frontier.seen import Seen
from crawler.model import Failure, Pause
from crawler.planning import inputs_of, template_of
from crawler.safety import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crawler.config import Settings
    from crawler.console import Console
    from crawler.model import Network, Request

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
    at_home = _pinned_here(config.network(settings))
    others: Counter[str] = Counter()
    for one in requests:
        origin = _origin(one)
        if not _is_loopback(origin.host) and (origin.host, origin.port) not in at_home:
            others[origin.host] += times
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
    return Counter(_origin(one).host for one in requests)


def _origin(one: Request | str) -> urls.Origin:
    return urls.origin(one if isinstance(one, str) else one.url)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _pinned_here(network: Network) -> set[tuple[str, int]]:
    """Hosts and ports whose every pin is this machine; none where a proxy finds the addresses."""
    if network.proxy:
        return set()
    pins = [(host.lower(), port, _is_loopback(to)) for host, port, to in network.resolve]
    elsewhere = {(host, port) for host, port, is_here in pins if not is_here}
    return {(host, port) for host, port, _ in pins} - elsewhere

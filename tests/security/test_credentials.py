"""What was given for one origin reaches no other, on any engine, however a site leads there."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import trustme
from hostile.pairs import every_engine, skip_refused
from security.asked import BY_PROXY, played
from security.witness import Said, Witness, page, witness

from crawler.engines import unavailable

SECRET = "never-sent"
GIVEN = (
    ("Authorization", f"Bearer {SECRET}"),
    ("Cookie", f"session={SECRET}"),
    ("Proxy-Authorization", f"Basic {SECRET}"),
    ("X-Api-Key", SECRET),
    ("X-Auth-Token", SECRET),
    ("Referer", f"http://intranet.test/?{SECRET}"),
    ("Accept-Language", "nl"),
)
STATUSES = ("301", "302", "303", "307", "308", "refresh")
HERE, THERE = "one.seed.test", "two.seed.test"


class Cell(NamedTuple):
    """A redirect that changes one part of the origin: where it begins, and where it leads."""

    change: str
    begins: str  # scheme and host
    leads: str  # with {port} of the same server, or {other} for another one


CHANGES = (
    Cell("host", f"http://{HERE}", f"http://{THERE}:{{port}}"),
    Cell("port", f"http://{HERE}", f"http://{HERE}:{{other}}"),
    Cell("to https", f"http://{HERE}", f"https://{HERE}:{{port}}"),
    Cell("to http", f"https://{HERE}", f"http://{HERE}:{{port}}"),
    Cell("userinfo", f"http://{HERE}", f"http://eve:{SECRET}@{THERE}:{{port}}"),
    Cell("away and back", f"http://{HERE}", f"http://{THERE}:{{port}}"),
)


class Servers(NamedTuple):
    """Two witnesses and the names they have."""

    first: Witness
    second: Witness
    ca_file: str

    @property
    def resolve(self) -> list[tuple[str, int, str]]:
        ports = (self.first.port, self.second.port)
        return [(name, port, "127.0.0.1") for name in (HERE, THERE) for port in ports]

    def asks(self) -> Iterator[tuple[str, str]]:
        """Every cell of the matrix: its path, and the URL where it begins."""
        for status in STATUSES:
            for number, cell in enumerate(CHANGES):
                path = f"/{status}/{number}/"
                yield path, f"{cell.begins}:{self.first.port}{path}from"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HERE, THERE, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    ports: dict[str, int] = {}

    def answer(said: Said) -> bytes:
        _, status, number, step = said.path.split("/")
        cell = CHANGES[int(number)]
        if step == "to" and cell.change == "away and back":
            return _leading(status, f"http://{HERE}:{ports['port']}/{status}/{number}/back")
        if step != "from":
            return page("there")
        return _leading(status, f"{cell.leads.format(**ports)}/{status}/{number}/to")

    with witness(answer, context=context) as first, witness(answer, context=context) as second:
        ports.update(port=first.port, other=second.port)
        yield Servers(first, second, str(ca_file))


def _leading(status: str, url: str) -> bytes:
    if status == "refresh":
        refresh = f'<meta http-equiv="refresh" content="0; url={url}">'
        return page(refresh, "Content-Type: text/html")
    return page("", f"Location: {url}", status=f"{status} Elsewhere")


def _leaks(servers: Servers) -> Iterator[str]:
    """The cells whose target saw a secret, and those that never got so far."""
    all_said = servers.first.said + servers.second.said
    for path, _ in servers.asks():
        _, status, number, _ = path.split("/")
        cell = f"{status}, {CHANGES[int(number)].change}"
        begun = [said for said in all_said if said.path == f"{path}from"]
        if len(begun) != 1 or begun[0].raw.count(SECRET.encode()) < len(GIVEN) - 1:
            yield f"{cell}: the first server saw {[said.raw for said in begun]}"
        last = "back" if CHANGES[int(number)].change == "away and back" else "to"
        reached = [said for said in all_said if said.path.startswith(path)][1:]
        if not any(said.path == path + last for said in reached):
            yield f"{cell}: its target was never asked"
        for said in reached:
            if SECRET.encode() in said.raw or b"Basic" in said.raw or b"eve" in said.raw:
                yield f"{cell}: {said.raw!r}"
            if said.fields("accept-language") != [b"Accept-Language: nl"]:
                yield f"{cell}: what is harmless was lost: {said.raw!r}"


def _jobs(
    servers: Servers, engine: str, *, processes: int = 1, **network: object
) -> Iterator[dict[str, object]]:
    """The matrix in two runs: redirects are followed always, pages by a crawl only."""
    for is_crawl in (False, True):
        asked = [url for path, url in servers.asks() if path.startswith("/refresh") == is_crawl]
        method, body = ("GET", "") if is_crawl else ("POST", SECRET)
        yield {
            "engine": engine,
            "processes": processes,
            "cookies": True,  # a jar adds nothing that is not its own
            "crawl": is_crawl,
            "requests": [[url, GIVEN, method, body] for url in asked],
            "network": {"resolve": servers.resolve, "ca_file": servers.ca_file, **network},
        }


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", every_engine())
def test_no_other_origin_sees_what_was_given_for_the_first(servers: Servers, engine: str) -> None:
    skip_refused(engine)
    servers.first.said.clear()
    servers.second.said.clear()

    for job in _jobs(servers, engine):
        played(job)

    assert not list(_leaks(servers))


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ["selectors", "threads+requests", "gevent+requests"])
def test_nor_over_several_processes(servers: Servers, engine: str) -> None:
    servers.first.said.clear()
    servers.second.said.clear()

    for job in _jobs(servers, engine, processes=2):
        played(job)

    assert not list(_leaks(servers))


@pytest.mark.timeout(40)
def test_a_proxy_sees_its_own_password_and_no_host_does(servers: Servers) -> None:
    proxy, token = "proxy-password", b"cHJveHk6cHJveHktcGFzc3dvcmQ="
    given = [field for field in GIVEN if field[0] != "Proxy-Authorization"]
    through = {"proxy": f"http://proxy:{proxy}@127.0.0.1:{servers.first.port}"}
    wrong = []
    for engine in BY_PROXY:
        if unavailable(engine):
            continue
        servers.first.said.clear()
        for job in _jobs(servers, engine, **through):
            job["requests"] = [[url, given, *rest] for url, _, *rest in job["requests"]]
            played(job)
        tunnelled = [said for said in servers.first.said if said.tunnelled]
        asked = [said for said in servers.first.said if not said.tunnelled]
        assert tunnelled, engine
        wrong += [f"{engine}: {said.raw!r}" for said in tunnelled if token in said.raw]
        wrong += [f"{engine}: {said.raw!r}" for said in asked if said.raw.count(token) != 1]
        for said in servers.first.said:
            begins = said.path.endswith("/from")
            if not begins and SECRET.encode() in said.raw:
                wrong.append(f"{engine}: {said.raw!r}")
        assert any(said.path.endswith("/to") for said in asked), engine

    assert not wrong

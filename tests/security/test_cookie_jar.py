"""A cookie reaches the hosts it was set for, over the schemes it may, and nobody else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from hostile.pairs import skip_refused
from security.asked import BY_PROXY, played
from security.test_credentials import STATUSES
from security.witness import Said, Witness, page, witness

SECRET = "never-sent"
ONE, TWO, TOP = "one.seed.test", "two.seed.test", "seed.test"
SUFFIXED = ("evil.co.uk", "bank.co.uk", "evil.github.io", "bank.github.io")
NAMES = (ONE, TWO, TOP, "evilseed.test", *SUFFIXED)
ALL_OF = frozenset({ONE, TWO, TOP})


class Cell(NamedTuple):
    """A redirect from a page that sets a cookie: who else may get that cookie, and how."""

    begins: str
    leads: str  # with {port} of the same server, or {other} for another one
    attributes: str = ""
    may: frozenset[str] = frozenset()  # hosts beside the one that set it
    by_http: bool = True
    comes: bool = False  # where it leads, the cookie is sent: the jar is not just empty
    refused: bool = False  # nobody gets it, for it may not be set
    name: str = "c"


CELLS = (
    Cell(f"http://{ONE}", f"http://{TWO}:{{port}}"),
    Cell(f"http://{ONE}", f"http://{TWO}:{{port}}", "; Domain=Seed.TEST", ALL_OF, comes=True),
    Cell(f"http://{ONE}", f"http://{TWO}:{{port}}", f"; Domain={TWO}", refused=True),
    Cell(f"http://{ONE}", f"http://{ONE}:{{other}}", comes=True),  # RFC 6265 8.5: any port
    Cell(f"http://{ONE}", f"https://{ONE}:{{port}}", comes=True),
    Cell(f"https://{ONE}", f"https://{ONE}:{{port}}", "; Secure", by_http=False, comes=True),
    Cell(f"https://{ONE}", f"http://{ONE}:{{port}}", "; Secure", by_http=False),
    Cell(f"https://{ONE}", f"http://{TWO}:{{port}}", "; Secure; Domain=seed.test", ALL_OF,
         by_http=False),
    Cell(f"http://{ONE}", f"https://{ONE}:{{port}}", "; Secure", refused=True),
    Cell(f"https://{ONE}", f"http://{ONE}:{{port}}", "; Secure", by_http=False, name="__Host-c"),
    Cell(f"https://{ONE}", f"https://{TWO}:{{port}}", "; Secure; Domain=seed.test",
         refused=True, name="__Host-c"),
    Cell(f"http://{ONE}", f"http://eve:{SECRET}@{TWO}:{{port}}"),
    Cell(f"http://{ONE}", f"http://eve:{SECRET}@{ONE}:{{port}}", comes=True),
    Cell(f"http://{TOP}", f"http://{ONE}:{{port}}"),
    Cell(f"http://{TOP}", f"http://{ONE}:{{port}}", "; Domain=seed.test", ALL_OF, comes=True),
    Cell("http://evilseed.test", f"http://{ONE}:{{port}}", "; Domain=seed.test", refused=True),
    Cell(f"http://{ONE}", "http://evilseed.test:{port}", "; Domain=seed.test", ALL_OF),
    Cell("http://evil.co.uk", "http://bank.co.uk:{port}", "; Domain=co.uk", refused=True),
    Cell("http://evil.co.uk", "http://bank.co.uk:{port}", "; Domain=.Co.UK", refused=True),
    Cell("http://evil.co.uk", "http://bank.co.uk:{port}", "; Domain=uk", refused=True),
    Cell("http://evil.github.io", "http://bank.github.io:{port}", "; Domain=github.io",
         refused=True),
    Cell(f"http://{ONE}", f"http://{TWO}:{{port}}", "; Domain=test", refused=True),
    Cell("http://127.0.0.1", f"http://{ONE}:{{port}}", "; Domain=0.0.1", refused=True),
)  # fmt: skip


class Servers(NamedTuple):
    """Two witnesses, by any of the names."""

    first: Witness
    second: Witness
    ca_file: str

    @property
    def resolve(self) -> list[tuple[str, int, str]]:
        ports = (self.first.port, self.second.port)
        return [(name, port, "127.0.0.1") for name in NAMES for port in ports]

    def job(self, engine: str, **more: object) -> dict[str, object]:
        """A crawl of the whole matrix."""
        asked = [
            f"{cell.begins}:{self.first.port}/{status}/{number}/from"
            for status in STATUSES
            for number, cell in enumerate(CELLS)
        ]
        network = {"resolve": self.resolve, "ca_file": self.ca_file, **more.pop("network", {})}
        return {
            "engine": engine,
            "crawl": True,
            "everywhere": True,
            "cookies": True,
            "requests": [[url, (), "GET", ""] for url in asked],
            "network": network,
            **more,
        }


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*NAMES, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    ports: dict[str, int] = {}

    def answer(said: Said) -> bytes:
        _, status, number, step = said.path.split("/")
        if step != "from":
            return page("there")
        cell = CELLS[int(number)]
        url = f"{cell.leads.format(**ports)}/{status}/{number}/to"
        cookie = f"Set-Cookie: {cell.name}-{status}-{number}={SECRET}; Path=/{cell.attributes}"
        if status == "refresh":
            refresh = f'<meta http-equiv="refresh" content="0; url={url}">'
            return page(refresh, cookie, "Content-Type: text/html")
        return page("", cookie, f"Location: {url}", status=f"{status} Elsewhere")

    with witness(answer, context=context) as first, witness(answer, context=context) as second:
        ports.update(port=first.port, other=second.port)
        yield Servers(first, second, str(ca_file))


def _host(said: Said) -> str:
    (field,) = said.fields("host")
    return field.decode().partition(":")[2].strip().partition(":")[0]


def is_connect(said: Said) -> bool:
    return said.raw.startswith(b"CONNECT ")


def _pairs(said: Said) -> list[str]:
    """The names of the cookies that a request brought."""
    pairs = b"; ".join(field.partition(b":")[2] for field in said.fields("cookie"))
    return [pair.partition("=")[0].strip() for pair in pairs.decode().split(";") if pair.strip()]


def _wrong(servers: Servers) -> Iterator[str]:
    """Cookies that went astray, cells that never got so far, and cookies that were lost."""
    asked = [s for s in servers.first.said + servers.second.said if not is_connect(s)]
    for said in asked:
        for name in _pairs(said):
            number = int(name.rpartition("-")[2])
            cell = CELLS[number]
            allowed = cell.may | {cell.begins.partition("://")[2]}
            is_wrong = cell.refused or _host(said) not in allowed
            if is_wrong or not (said.by_tls or cell.by_http):
                yield f"{cell}: {said.raw!r}"
        if b"Basic" in said.raw or b"eve" in said.raw.replace(b"evil", b"").replace(b"never", b""):
            yield f"userinfo: {said.raw!r}"
    for status in STATUSES:
        for number, cell in enumerate(CELLS):
            targets = [said for said in asked if said.path == f"/{status}/{number}/to"]
            if not targets:
                yield f"{status} {cell}: its target was never asked"
            if cell.comes and not any(
                f"{cell.name}-{status}-{number}" in _pairs(said) for said in targets
            ):
                yield f"{status} {cell}: its cookie never came back"


def _played(servers: Servers, engine: str, **more: object) -> list[str]:
    servers.first.said.clear()
    servers.second.said.clear()
    played(servers.job(engine, **more))
    return list(_wrong(servers))


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", [*BY_PROXY, "gevent+requests"])
def test_a_cookie_reaches_nobody_it_was_not_set_for(servers: Servers, engine: str) -> None:
    skip_refused(engine)

    assert not _played(servers, engine)


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ["selectors", "gevent+requests"])
def test_nor_over_several_processes(servers: Servers, engine: str) -> None:
    assert not _played(servers, engine, processes=2)


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ["selectors", "threads+urllib"])
def test_nor_by_a_proxy_that_keeps_its_connections(servers: Servers, engine: str) -> None:
    proxy = {"proxy": f"http://127.0.0.1:{servers.first.port}"}

    assert not _played(servers, engine, network=proxy)
    assert not [said for said in servers.first.said if said.fields("cookie") and is_connect(said)]


def test_cookies_of_a_file_reach_only_whom_they_are_for(
    servers: Servers, tmp_path: Path, crawl
) -> None:
    lines = (
        f"{ONE}\tFALSE\t/\tFALSE\t0\talone\tx",
        ".seed.test\tTRUE\t/\tFALSE\t0\tbelow\tx",
        f"#HttpOnly_{ONE}\tTRUE\t/\tTRUE\t0\tsecure\tx",
        ".co.uk\tTRUE\t/\tFALSE\t0\tsuper\tx",
        f"{ONE}\tTRUE\t/deep\tFALSE\t0\tdeep\tx",
        f"{ONE}\tTRUE\t/\tFALSE\t1\told\tx",
    )
    (tmp_path / "cookies.txt").write_text("\n".join(lines))
    port = servers.first.port
    hosts = (f"http://{ONE}", f"https://{ONE}", f"http://{TWO}", "http://bank.co.uk")
    (tmp_path / "urls.txt").write_text("".join(f"{host}:{port}/x/0/to\n" for host in hosts))
    pinned = [option for name in NAMES for option in ("--resolve", f"{name}:{port}:127.0.0.1")]
    servers.first.said.clear()

    done = crawl(
        str(tmp_path / "urls.txt"), "--load-cookies", str(tmp_path / "cookies.txt"), *pinned,
        "--cacert", servers.ca_file, "--robots", "ignore", "--processes", "2", "-e", "selectors",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    seen = {(said.by_tls, _host(said)): sorted(_pairs(said)) for said in servers.first.said}
    assert seen == {
        (False, ONE): ["alone", "below"],
        (True, ONE): ["alone", "below", "secure"],
        (False, TWO): ["below"],
        (False, "bank.co.uk"): [],
    }

"""Only http and https are ever asked for, whoever names what else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile.pairs import every_engine
from security.asked import codes
from security.witness import Said, Witness, page, witness

from crawler import engines
from crawler.model import Request

CANARY = "canary-8842"
LISTED = ("file", "ftp", "gopher", "data", "javascript", "ws", "dict", "ldap", "tftp", "jar",
          "view-source", "blob", "about", "mailto", "netdoc", "unix", "smb", "sftp")  # fmt: skip


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(CANARY)
    return path


def _foreign(secret: Path, port: int) -> list[str]:
    """URLs of all that is no http, of a file and of a server that are there."""
    special = {
        "file": f"file://{secret}",
        "data": f"data:text/html,{CANARY}<a href='http://127.0.0.1:{port}/data'>x</a>",
        "javascript": f"javascript:fetch('http://127.0.0.1:{port}/js')",
        "mailto": "mailto:a@b.test",
        "view-source": f"view-source:http://127.0.0.1:{port}/view",
        "blob": f"blob:http://127.0.0.1:{port}/blob",
        "jar": f"jar:http://127.0.0.1:{port}/a!/b",
    }
    plain = [special.get(name, f"{name}://127.0.0.1:{port}/{name}") for name in LISTED]
    spelled = (f"FILE://{secret}", f"file:{secret}", f"\tfile://{secret}", f"fi\nle://{secret}",
               f"file://localhost{secret}", f"url:file://{secret}")  # fmt: skip
    return [*plain, *spelled]


@pytest.fixture
def canary() -> Iterator[Witness]:
    with witness(lambda said: page(CANARY)) as running:
        yield running


@pytest.mark.timeout(40)
def test_no_redirect_leaves_http_on_any_engine(secret: Path, canary: Witness) -> None:
    foreign = _foreign(secret, canary.port)

    def answer(said: Said) -> bytes:
        location = foreign[int(said.path[1:])].replace("\n", "").strip()
        return page("", f"Location: {location}", status="302 Found")

    wrong = []
    with witness(answer) as site:
        asked = [
            [f"http://127.0.0.1:{site.port}/{number}", [], "GET", ""]
            for number in range(len(foreign))
        ]
        for engine in every_engine():
            if engines.unavailable(engine):
                continue
            found = codes({"engine": engine, "requests": asked})
            wrong += [
                f"{engine}, {foreign[int(url.rpartition('/')[2])]}: {code or 'fetched'}"
                for url, code in found.items()
                if not code.startswith("redirect.")
            ]

    assert not wrong
    assert canary.connections == 0


@pytest.mark.timeout(40)
def test_no_seed_link_or_sitemap_leaves_http(  # type: ignore[no-untyped-def]
    crawl, secret: Path, canary: Witness, tmp_path: Path
) -> None:
    foreign = _foreign(secret, canary.port)
    quoted = [url.replace("'", "&#39;").replace("<", "&lt;") for url in foreign]
    body = "".join(
        f"<a href='{url}'>x</a><iframe src='{url}'></iframe><img src='{url}' srcset='{url} 2x'>"
        f"<link rel=canonical href='{url}'><link rel=stylesheet href='{url}'><form action='{url}'>"
        f"<meta http-equiv=refresh content='0; url={url}'><base href='{url}'><area href='{url}'>"
        for url in quoted
    )
    entries = "".join(f"<url><loc>{url}</loc></url>" for url in quoted)
    maps = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in quoted)

    def answer(said: Said) -> bytes:
        if said.path == "/robots.txt":
            own = "".join(f"Sitemap: http://{said.fields('host')[0][6:].decode()}/{name}\n"
                          for name in ("entries", "index"))  # fmt: skip
            return page(own + "".join(f"Sitemap: {url.strip()}\n" for url in foreign))
        if said.path == "/entries":
            return page(f"<urlset>{entries}</urlset>")
        if said.path == "/index":
            return page(f"<sitemapindex>{maps}</sitemapindex>")
        return page(body, "Content-Type: text/html")

    lines = tmp_path / "urls.txt"
    with witness(answer) as site:
        seeds = [f"http://127.0.0.1:{site.port}/", *(url.replace("\n", "\\n") for url in foreign)]
        lines.write_text("\n".join(seeds))
        done = crawl(
            str(lines), "-e", "selectors", "--follow", "--sitemaps", "--requisites", "--retries",
            "0", "--scope", "host", "--save-dir", str(tmp_path / "bodies"), timeout=20.0,
        )  # fmt: skip
        paths = {said.path for said in site.said}

    assert done.returncode == 1, done.stderr
    assert paths >= {"/", "/robots.txt", "/entries", "/index"}
    assert canary.connections == 0
    kept = [path.read_bytes() for path in (tmp_path / "bodies").rglob("*") if path.is_file()]
    assert kept
    assert CANARY.encode() not in [body[: len(CANARY)] for body in kept]


def test_an_engine_that_is_given_another_scheme_opens_nothing(secret: Path) -> None:
    from crawler import fetch_all

    for engine in every_engine():
        if engines.unavailable(engine):
            continue
        try:
            outcomes = list(fetch_all([Request(f"file://{secret}")], engine=engine))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was read
            assert CANARY not in str(error)  # noqa: PT017
        else:
            assert not [outcome for outcome in outcomes if outcome.ok]

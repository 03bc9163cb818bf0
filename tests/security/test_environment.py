"""What nobody asked for is not used, and what is secret is told to nobody but its host."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from security.witness import Said, Witness, page, witness

from crawler import command_line

SECRET = "hush-4711"
PROXY_TOKEN = "cHJveHk6aHVzaC00NzEx"
URL_TOKEN = b"Basic dXNlcjpodXNoLTQ3MTE="
ENGINES = ("selectors", "threads+requests", "threads+urllib", "gevent", "processes+socket")


@pytest.fixture
def server() -> Iterator[Witness]:
    links = '<a href="/two">x</a><a href="http://user:hush-4711@127.0.0.1:1/">x</a>'

    def answer(said: Said) -> bytes:
        if said.path == "/robots.txt":
            return page("", status="404 None")
        if said.path == "/slow":
            time.sleep(0.04)
        return page(f"<title>t</title>{links}", "Content-Type: text/html")

    with witness(answer) as running:
        yield running


@pytest.fixture
def canary() -> Iterator[Witness]:
    with witness(lambda said: page("canary")) as running:
        yield running


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_environment_changes_nothing_that_is_sent(  # type: ignore[no-untyped-def]
    crawl, server: Witness, canary: Witness, engine: str, tmp_path: Path
) -> None:
    trap = f"http://proxy:{SECRET}@127.0.0.1:{canary.port}"
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    keys = tmp_path / "keys.log"
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login user password {SECRET}\n")
    netrc.chmod(0o600)
    env = dict.fromkeys(names, trap) | {
        "HOME": str(tmp_path), "NETRC": str(netrc), "SSLKEYLOGFILE": str(keys),
        "REQUESTS_CA_BUNDLE": "/nowhere", "CURL_CA_BUNDLE": "/nowhere", "SSL_CERT_FILE": "/nowhere",
        "SSL_CERT_DIR": "/nowhere", "REQUEST_METHOD": "GET", "NO_PROXY": "",
    }  # fmt: skip
    base = f"http://127.0.0.1:{server.port}"

    urls = (f"{base}/one", f"https://127.0.0.1:{server.port}/tls")
    done = crawl(*urls, "-e", engine, "--retries", "0", env=env)

    assert len(server.at("/one")) == 1, done.stderr
    assert canary.connections == 0
    for said in server.said:
        assert not said.fields("authorization") + said.fields("proxy-authorization")
        assert SECRET.encode() not in said.raw
    assert not keys.exists()


def _command_lines(pid: int) -> list[bytes]:
    """Of a process and all that it started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if int(path.name) == pid or parent == pid:
                found.append((path / "cmdline").read_bytes())
        except (OSError, IndexError):
            continue
    return found


@pytest.mark.timeout(40)
@pytest.mark.parametrize("engine", ["gevent", "processes+socket"])
def test_secrets_are_in_no_output_no_log_and_no_process_list(
    server: Witness, engine: str, tmp_path: Path
) -> None:
    here = f"127.0.0.1:{server.port}"
    (tmp_path / "urls.txt").write_text(
        f"http://user:{SECRET}@{here}/one\n"
        f"http://{SECRET}@{here}/token\n"
        f"https:///user:{SECRET}@127.0.0.1:1/\n"
        f"http://user:{SECRET}/x@{here}/bad\n"
        f"user:{SECRET}@bad host\n"
        f"http://user:{SECRET}@{here}:bad/\n" + f"http://{here}/slow\n"
    )
    (tmp_path / "more.jsonl").write_text(f'{{"url": "http://user:{SECRET}@{here}/\n')
    (tmp_path / "crawl.toml").write_text(
        f'header = ["Authorization: Bearer {SECRET}", "X-Api-Key: {SECRET}", "Cookie: {SECRET}"]\n'
        f'proxy = "http://proxy:{SECRET}@{here}"\n'
    )
    outputs = [f"out.{suffix}" for suffix in ("jsonl", "csv", "sqlite", "parquet", "warc")]
    command = [
        sys.executable, "-m", "crawler", "run", "urls.txt", "more.jsonl", "-vv", "-e", engine,
        "--follow", "--state", "state.db", "--mirror", "mirror", "--save-dir", "bodies",
        "--summary", "summary.json", "--manners", "manners.jsonl", "--retries", "0", "--parsers",
        "1", *(word for name in outputs for word in ("-o", name)),
    ]  # fmt: skip
    root = str(Path(__file__).parent.parent.parent)
    with (tmp_path / "stdout").open("wb") as out, (tmp_path / "stderr").open("wb") as err:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}, stdout=out, stderr=err
        )
        lines: list[bytes] = []
        while process.poll() is None:
            lines += _command_lines(process.pid)
            time.sleep(0.02)

    assert process.returncode == 1, (tmp_path / "stderr").read_text()
    assert any(URL_TOKEN in said.raw for said in server.said), "its own host gets it"
    assert any(SECRET.encode() in said.raw for said in server.said)
    assert lines
    assert not [line for line in lines if SECRET.encode() in line]
    looked_at = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert {path.name for path in looked_at} >= {*outputs, "summary.json", "manners.jsonl"}
    needles = (SECRET.encode(), PROXY_TOKEN.encode(), URL_TOKEN[6:])
    for path in looked_at:
        is_given = path.name in {"urls.txt", "more.jsonl", "crawl.toml"}
        # The state has what a crawl needs to go on: SECURITY.md says so, and nobody else reads it.
        is_state = path.name.startswith("state.db")
        if is_state:
            assert path.stat().st_mode & 0o077 == 0 or path.name.endswith(".lock"), path
        elif not is_given and "bodies" not in path.parts and "mirror" not in path.parts:
            wrong = [needle for needle in needles if needle in _without_page(path.read_bytes())]
            assert not wrong, f"{path.name} has {wrong}"


def _without_page(data: bytes) -> bytes:
    """What the server itself said is no secret of ours."""
    return data.replace(b"http://user:hush-4711@127.0.0.1:1/", b"")


def test_the_effective_settings_are_shown_without_secrets(crawl) -> None:  # type: ignore[no-untyped-def]
    done = crawl(
        "config", "-H", f"X-Auth-Token: {SECRET}", "-H", f"Authorization: {SECRET}", "-H",
        "Accept-Language: nl", "-u", f"me:{SECRET}", "--proxy", f"http://{SECRET}:{SECRET}@x/@proxy.test:1",
    )  # fmt: skip

    assert SECRET not in done.stdout + done.stderr
    shown = crawl("config", "-H", "Accept-Language: nl", "--proxy", f"http://{SECRET}@p.test:1")
    assert SECRET not in shown.stdout
    assert "Accept-Language: nl" in shown.stdout


def test_a_password_goes_to_its_own_host_and_a_slip_in_it_is_not_shown(  # type: ignore[no-untyped-def]
    crawl, server: Witness
) -> None:
    here = f"127.0.0.1:{server.port}"

    for words in (["-u", f"me:{SECRET}"], ["-u", f"x:{SECRET}", "-H", "Authorization: Mine"]):
        done = crawl(f"http://{here}/one", *words)
        assert done.returncode == 0, done.stderr
    slip = crawl(f"http://{here}/one", "-u", SECRET)

    sent = [value for said in server.said for value in said.fields("authorization")]
    basic = b64encode(f"me:{SECRET}".encode())
    assert sent == [b"Authorization: Basic " + basic, b"Authorization: Mine"]
    assert slip.returncode == 2
    assert "--user: not a name, a colon and a password" in slip.stderr
    assert SECRET not in slip.stderr


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["-H", f"Cookie: {SECRET}", "a"], "-H 'Cookie: ***' a"),
        ([f"-HX-Api-Key:{SECRET}", "-H", "Accept: x"], "'-HX-Api-Key: ***' -H 'Accept: x'"),
        ([f"--header=Authorization: {SECRET}"], "'--header=Authorization: ***'"),
        (["--header", f"Authorization: {SECRET}"], "--header 'Authorization: ***'"),
        (["-yu", f"me:{SECRET}", "b"], "-yu '***' b"),
        (["-kH", f"Cookie: {SECRET}", "-euring"], "-kH 'Cookie: ***' -euring"),
        ([f"--user=me:{SECRET}"], "'--user=***'"),
        ([f"-ume:{SECRET}", "-c", "5"], "'-u***' -c 5"),
        ([f"http://me:{SECRET}@a.test/b"], "'http://***@a.test/b'"),
        (["--proxy", f"http://{SECRET}@a.test:1"], "--proxy 'http://***@a.test:1'"),
        ([f"--proxy=http://me:{SECRET}@a.test:1"], "'--proxy=http://***@a.test:1'"),
    ],
)
def test_a_command_is_shown_without_secrets(words: list[str], shown: str) -> None:
    assert command_line.shown(words) == f"crawl {shown}"


@pytest.mark.timeout(60)
def test_a_report_that_is_given_to_others_has_no_secrets(  # type: ignore[no-untyped-def]
    crawl, server: Witness, tmp_path: Path
) -> None:
    done = crawl(
        "compare", f"http://me:{SECRET}@127.0.0.1:{server.port}/one", "epoll", "--repeat", "1",
        "-H", f"X-Api-Key: {SECRET}", "-u", f"me:{SECRET}", "--no-syscalls", "-y",
        "--report", str(tmp_path / "report.html"), "--export", str(tmp_path / "report.json"),
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    for text in (done.stdout, done.stderr, *(p.read_text() for p in tmp_path.glob("report.*"))):
        assert SECRET not in text
        assert b64encode(f"me:{SECRET}".encode()).decode() not in text

"""Fixtures that every folder shares: a site to fetch from, children to run, a clean environment."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from crawler.serving.fixture import Site

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
_UNWANTED = {"NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

# A busy machine is no defect of ours: no test is failed for the time it takes.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The fixture site, in a thread, for the whole session."""
    with Site() as running:
        yield running


@pytest.fixture(scope="session")
def trap_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory whose .netrc names a password for every host: nobody may read it."""
    home = tmp_path_factory.mktemp("home")
    netrc = home / ".netrc"
    netrc.write_text("default login trap password never-sent\n")
    netrc.chmod(0o600)
    return home


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch, trap_home: Path) -> None:
    """No proxy, profile or certificate of the developer's reaches a test."""
    for name in list(os.environ):
        proxy = name.lower().endswith("_proxy")
        if proxy or name.startswith("CRAWL_") or name in _UNWANTED:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(trap_home))


Run = Callable[..., subprocess.CompletedProcess[str]]


def _run(
    command: list[str], *, text: str | None, timeout: float, env: dict[str, str] | None
) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH", ""))))
    return subprocess.run(
        command,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=os.environ | {"PYTHONPATH": path} | (env or {}),
        check=False,
    )


@pytest.fixture
def child() -> Run:
    """Runs a program of tests/scripts in a fresh interpreter: ``child("patched_late.py", "x")``."""

    def run(
        script: str,
        *args: str,
        input: str | None = None,  # noqa: A002  # the word of subprocess.run
        timeout: float = 9.0,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TESTS / "scripts" / script), *args]
        return _run(command, text=input, timeout=timeout, env=env)

    return run


@pytest.fixture
def crawl() -> Run:
    """Runs the command line: ``crawl("urls.txt", "--json").stdout``."""

    def run(
        *args: str,
        input: str | None = None,  # noqa: A002  # the word of subprocess.run
        timeout: float = 9.0,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "crawler", *args]
        return _run(command, text=input, timeout=timeout, env=env)

    return run


def _open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def fds() -> Iterator[None]:
    """Fails the test when more descriptors are open after it than before.

    The servers of a test run in this process too and close their end a moment later: so it waits.
    """
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc/self/fd")
    before = len(_open_descriptors())

    yield

    gc.collect()
    for _ in range(100):
        if len(_open_descriptors()) <= before:
            return
        time.sleep(0.01)
    still = sorted(_open_descriptors(), key=int)
    pytest.fail(f"descriptors: {before} before, {len(still)} after: {' '.join(still)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tells what became of the catalogue's rows, engine by engine, where any were played."""
    from hostile.verdicts import table

    lines = table()
    if lines:
        terminalreporter.section("rows of the catalogue")
        terminalreporter.write("\n".join([*lines, ""]))

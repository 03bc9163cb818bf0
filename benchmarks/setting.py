"""What the benchmarks need around them, made by themselves in benchmarks/.venv.

Peers come from requirements.txt, line by line, so that a peer that cannot be installed here is
absent and the others are not. Two of them get folders of their own, .venv/own/NAME: niquests brings
another urllib3, which requests must not meet. Go's client and the lean server are compiled where
there is a compiler.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
_OWN = ("niquests", "crawlee")


def build() -> None:
    """Makes benchmarks/.venv, with this project and the peers that can be installed."""
    ready = VENV / ".ready"
    wanted = [HERE / "requirements.txt", HERE.parent / "constraints.txt"]
    wanted += [HERE.parent / "pyproject.toml", HERE / "lean_server.c", CLIENTS / "go_client.go"]
    if ready.exists() and all(path.stat().st_mtime < ready.stat().st_mtime for path in wanted):
        return
    print("setting up benchmarks/.venv", flush=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "-qq"]
    pip += ["install", "--constraint", str(HERE.parent / "constraints.txt")]
    subprocess.run([*pip, "--editable", str(HERE.parent)], check=True)
    for line in (HERE / "requirements.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            _install(pip, line)
    _compile()
    ready.touch()


def _install(pip: list[str], line: str) -> None:
    name = line.partition("==")[0].lower()
    own = VENV / "own" / name
    if name in _OWN and own.is_dir():
        shutil.rmtree(own)
    where = ["--target", str(own)] if name in _OWN else []
    if subprocess.run([*pip, *where, line], check=False).returncode:
        print(f"{line} cannot be installed here and is left out")


def _compile() -> None:
    program = str(VENV / "bin" / "lean_server")
    source = HERE / "lean_server.c"
    _tried(["gcc", "-O2", "-o", program, str(source)], "the lean server is lean.py")
    program = str(VENV / "bin" / "go_client")
    _tried(["go", "build", "-o", program, str(CLIENTS / "go_client.go")], "Go is left out")


def _tried(words: list[str], without: str) -> None:
    if shutil.which(words[0]) is None:
        print(f"no {words[0]} here: {without}")
    elif subprocess.run(words, check=False).returncode:
        print(f"{words[0]} failed: {without}")


def lacks(script: str) -> str:
    """Why that client cannot run here; "" when it can."""
    command, package = _NEEDS.get(script, ("", ""))
    if command and not (shutil.which(command) or (VENV / "bin" / command).exists()):
        return f"no {command} here"
    if package in _OWN:
        return "" if (VENV / "own" / package).is_dir() else f"{package} cannot be installed here"
    if not package:
        return ""
    tried = subprocess.run([PYTHON, "-c", f"import {package}"], capture_output=True, check=False)
    return f"{package} cannot be installed here" if tried.returncode else ""


# Client's script: the command or the package it stands on.
_NEEDS = {
    "curl_parallel": ("curl", ""),
    "wget2_list": ("wget2", ""),
    "wrk_limit": ("wrk", ""),
    "go_http": ("go_client", ""),
    "pycurl_multi": ("", "pycurl"),
    "aiohttp_session": ("", "aiohttp"),
    "aiohttp_script": ("", "aiohttp"),
    "aiohttp_uvloop": ("", "uvloop"),
    "httpx_client": ("", "httpx"),
    "requests_threads": ("", "requests"),
    "by_hand": ("", "requests"),
    "grequests_imap": ("", "grequests"),
    "geventhttpclient_pool": ("", "geventhttpclient"),
    "niquests_session": ("", "niquests"),
    "crawlee_http": ("", "crawlee"),
    "scrapy_broad": ("", "scrapy"),
    "follow_scrapy": ("", "scrapy"),
    "follow_wget2": ("wget2", ""),
}

"""make bench: this project's engines beside other clients, 1 KB pages, 50 at a time.

    for every round                        server on processor 0, client on processor 1
        for every client, rotated ──►  python clients/NAME.py URL PAGES CONCURRENCY [ENGINE]

Every run is a process of its own that measures itself (clients/meter.py); a run that did not bring
every page whole is shown as such. Clients take turns, so that a slow minute falls on all of them.
Results go to the terminal and to runs/DATE/. Read beside it: README.md, server.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server import pin, served

HERE = Path(__file__).parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
PAGE = 1024  # bytes
CONCURRENCY = 50


@dataclass(frozen=True, slots=True)
class Client:
    """Something that fetches; `pages` makes a run last one to three seconds."""

    name: str
    script: str
    pages: int
    package: str = ""  # what must be installed
    engine: str = ""


CLIENTS = (
    Client("selectors", "ours", 30_000, engine="selectors"),
    Client("gevent+socket", "ours", 20_000, engine="gevent+socket"),
    Client("gevent", "ours_patched", 3_000, engine="gevent"),
    Client("threads", "ours", 3_000, engine="threads"),
    Client("pycurl CurlMulti", "pycurl_multi", 30_000, "pycurl"),
    Client("aiohttp", "aiohttp_session", 12_000, "aiohttp"),
    Client("gevent.Pool + Session", "by_hand", 2_500, "requests"),
    Client("Scrapy, tuned", "scrapy_broad", 1_500, "scrapy"),
)

# (ours, peer, pages per processor second at least this many times the peer's)
GOALS = (
    ("selectors", "aiohttp", 3.0),
    ("selectors", "pycurl CurlMulti", 0.0),
    ("selectors", "Scrapy, tuned", 0.0),
    ("gevent+socket", "aiohttp", 0.0),
    ("gevent", "gevent.Pool + Session", 1.5),
    ("gevent", "Scrapy, tuned", 0.0),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[], help="names of clients")
    parser.add_argument("--dry", action="store_true", help="write no file")
    given = parser.parse_args()

    build()
    clients = [client for client in CLIENTS if not given.only or client.name in given.only]
    absent = [client.name for client in clients if client.package and not installed(client.package)]
    clients = [client for client in clients if client.name not in absent]
    runs: dict[str, list[dict[str, float]]] = {client.name: [] for client in clients}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "page.html").write_bytes(b"x" * PAGE)
        with served(folder, core=0) as server:
            for number in range(given.rounds):
                print(f"round {number + 1} of {given.rounds}", end="", flush=True)
                for client in clients:
                    run = measure(client, server.url)
                    print(".", end="", flush=True)
                    runs[client.name].append(run)
                clients = [*clients[1:], clients[0]]
                print()
    document = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "server": server.name,
        "versions": versions(),
        "page_bytes": PAGE,
        "concurrency": CONCURRENCY,
        "absent": absent,
        "runs": runs,
    }
    text = table(document, runs, absent)
    print(text)
    if not given.dry:
        store(document, text, "bench")


def build() -> None:
    """Makes benchmarks/.venv, with this project and the peers that can be installed."""
    ready = VENV / ".ready"
    wanted = [
        HERE / "requirements.txt",
        HERE.parent / "constraints.txt",
        HERE.parent / "pyproject.toml",
    ]
    if ready.exists() and all(path.stat().st_mtime < ready.stat().st_mtime for path in wanted):
        return
    print("setting up benchmarks/.venv", flush=True)
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir", "-qq", "install"]
    pip += ["--constraint", HERE.parent / "constraints.txt"]
    subprocess.run([*pip, "--editable", HERE.parent], check=True)
    for line in (HERE / "requirements.txt").read_text().splitlines():
        # One by one: a peer that cannot be installed here is absent, and the others are not.
        if (
            line
            and not line.startswith("#")
            and subprocess.run([*pip, line], check=False).returncode
        ):
            print(f"{line} cannot be installed here and is left out")
    ready.touch()


def installed(package: str) -> bool:
    return not subprocess.run(
        [PYTHON, "-c", f"import {package}"], capture_output=True, check=False
    ).returncode


def measure(client: Client, url: str) -> dict[str, float]:
    """One run; what it counted, and whether every page came whole."""
    command = [PYTHON, HERE / "clients" / f"{client.script}.py", f"{url}/p/", str(client.pages)]
    command += [str(CONCURRENCY), *([client.engine] if client.engine else [])]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=lambda: pin(1)
    )
    try:
        run: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise SystemExit(f"{client.name} broke off: {ended.stderr.strip()[-1000:]}") from None
    run["whole"] = run["ok"] == client.pages and run["bytes"] == client.pages * PAGE
    return run


def cpu(run: dict[str, float]) -> float:
    """Processor seconds for one page."""
    return (run["cpu_user"] + run["cpu_system"]) / max(1.0, run["pages"])


def table(
    document: dict[str, object], runs: dict[str, list[dict[str, float]]], absent: list[str]
) -> str:
    what = f"{document['server']}, {PAGE} bytes a page, {CONCURRENCY} at a time"
    headings = f"{'client':<24}{'pages/s':>9}{'CPU us/page':>13}{'(least-most)':>18}"
    headings += f"{'pages/CPU s':>13}{'peak MiB':>10}  whole"
    lines = [f"{document['machine']}, {what}, {document['date']}", f"{document['versions']}", ""]
    lines.append(headings)
    costs = {}
    for name, of in runs.items():
        each = [cpu(run) * 1e6 for run in of]
        costs[name] = statistics.median(each)
        rate = statistics.median(run["pages"] / run["wall"] for run in of)
        peak = statistics.median(run["rss_kib"] for run in of) / 1024
        whole = "yes" if all(run["whole"] for run in of) else "NO"
        spread = f"({min(each):.1f}-{max(each):.1f})"
        lines.append(
            f"{name:<24}{rate:>9.0f}{costs[name]:>13.1f}{spread:>18}{1e6 / costs[name]:>13.0f}"
            f"{peak:>10.0f}  {whole}"
        )
    lines += ["", "pages per CPU second, times the peer's (median; goal)"]
    for ours, peer, goal in GOALS:
        if ours in costs and peer in costs:
            ratio = costs[peer] / costs[ours]
            aim = f"   goal {goal:g}: {'met' if ratio >= goal else 'MISSED'}" if goal else ""
            lines.append(f"{ours:<15} v {peer:<24}{ratio:>7.2f}{aim}")
    lines += [f"absent: {name}" for name in absent]
    return "\n".join(lines) + "\n"


def machine() -> str:
    model = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] + ", " if names else ""
    system = platform.uname()
    return f"{model}{os.cpu_count()} processors, {system.system} {system.release}"


def versions() -> str:
    """Python and every package that takes part."""
    program = (
        "import platform; from importlib.metadata import version, PackageNotFoundError as E\n"
        "print('Python', platform.python_version(), end='')\n"
        "for n in ('concurrent-crawler', 'gevent', 'requests', 'aiohttp', 'pycurl', 'Scrapy'):\n"
        "    try: print(',', n, version(n), end='')\n"
        "    except E: pass\n"
    )
    return subprocess.run(
        [PYTHON, "-c", program], capture_output=True, text=True, check=True
    ).stdout


def store(document: dict[str, object], text: str, name: str) -> None:
    """Keeps the figures under runs/DATE/, as JSON and as they were printed."""
    folder = HERE / "runs" / datetime.now(UTC).date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / f"{name}.txt").write_text(text)
    print(f"kept in {folder.relative_to(HERE.parent)}/{name}.json and .txt")


if __name__ == "__main__":
    main()

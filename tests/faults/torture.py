"""Every call of a crawl that may fail fails, one by one, and the crawl goes on when it is told to.

    cd tests && python -m faults.torture [EVERY [ENGINE FORM]]        EVERY: every so many-th call

One undisturbed crawl counts the calls. Then, for each of them and each way to fail, a crawl of its
own: it has to end by itself, in a documented way, and whatever it wrote is read whole; then the
same crawl again without a fault, after which every page has one record in every output. Prints a
line for each defect and, at the end, how many of what there were.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PAGES = 6
PATIENCE = 20.0  # seconds that one crawl may take on a busy machine
ENGINES = ("selectors", "gevent+socket")
FORMS = ("library", "command")


def main() -> int:
    """Serve the site; torture in processes of their own, which may be patched; add up."""
    import linked

    every = sys.argv[1] if len(sys.argv) > 1 else "1"
    wanted = [(sys.argv[2], sys.argv[3])] if len(sys.argv) > 3 else None
    bad = 0
    with linked.serving() as pages, tempfile.TemporaryDirectory() as folder:
        pages.site_of(PAGES)
        for engine, form in wanted or [(engine, form) for engine in ENGINES for form in FORMS]:
            command = [sys.executable, "-m", "faults.torture", "in", engine, form]
            ended = subprocess.run([*command, every, pages.url, folder], check=False)
            bad += ended.returncode != 0
    return bad


def tortured(engine: str, form: str, every: int, url: str, folder: Path) -> int:
    """One engine in one form; prints the counts. 0 without a defect."""
    from faults.points import KINDS

    counts: Counter[str] = Counter()
    torture = Torture(engine, form, url, folder)
    for kind in KINDS:
        place = folder / "undisturbed"
        place.mkdir()
        torture.run(place, 0, kind)
        usual = json.loads((place / "report.json").read_text())
        torture.usual = usual
        shutil.rmtree(place)
        counts["calls"] += usual["count"]
        for n in range(1 + every // 2, usual["count"] + 1, every):
            counts += torture.failed(n, kind)
    torture.tell()
    names = ("calls", "injected", "ended", "survived", "lost", "doubled", "defects")
    print(f"{engine} {form}:", ", ".join(f"{counts[name]} {name}" for name in names), flush=True)
    return int(counts["defects"] > 0)


class Torture:
    """Crawls of one engine in one form, each with a failing call.

    Attributes:
        usual: what the undisturbed crawl left.
    """

    def __init__(self, engine: str, form: str, url: str, folder: Path) -> None:
        self.usual: dict[str, int] = {}
        self._engine = engine
        self._form = form
        self._urls = [f"{url}/p/{number}" for number in range(PAGES)]
        self._folder = folder
        self._seen: Counter[str] = Counter()

    def failed(self, n: int, kind: str) -> Counter[str]:
        """What came of letting the n-th call fail."""
        place = self._folder / f"{kind}{n}"
        place.mkdir()
        code = self.run(place, n, kind)
        said = _text(place / "said")
        report = json.loads(_text(place / "report.json") or "{}")
        complaints = list(self._odd(code, kind, said, report))
        try:
            self._reread(place)
        except Exception as error:  # noqa: BLE001 - whatever a reader says is the finding
            complaints.append(f"outputs: {type(error).__name__}: {error}")
        (place / "report.json").unlink(missing_ok=True)
        again = self.run(place, 0, kind)
        if again not in {0, 1}:
            left = json.loads(_text(place / "report.json") or "{}")
            why = _end_of(str(left.get("error") or _text(place / "said")))
            complaints.append(f"resume: exit {again}: {why}")
        lost, doubled = self._accounts(place) if again in {0, 1} else (0, 0)
        if lost or doubled:
            complaints.append(f"resume: {lost} lost, {doubled} doubled")
        for complaint in complaints:
            what = f"{kind} at {report.get('failed') or _text(place / 'failed')}: {complaint}"
            if not self._seen[what]:
                print(f"- {self._engine} {self._form} n={n} {what}", flush=True)
            self._seen[what] += 1
        shutil.rmtree(place)
        reached = bool(report.get("failed")) or code == -signal.SIGKILL
        return Counter(
            injected=reached,
            ended=code in {3, -signal.SIGKILL},
            survived=code in {0, 1},
            lost=lost,
            doubled=doubled,
            defects=bool(complaints),
        )

    def run(self, place: Path, n: int, kind: str) -> int:
        """One crawl in a process of its own; how it ended. -9 also when it took too long."""
        from faults.trial import perform

        child = os.fork()
        if child == 0:
            try:
                perform(self._form, self._urls, place, self._engine, n=n, kind=kind)
            finally:
                os._exit(98)
        end = time.monotonic() + PATIENCE
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return 97
            time.sleep(0.002)

    def tell(self) -> None:
        """Say what was seen more than once."""
        for what, times in self._seen.items():
            if times > 1:
                print(f"- {times} times: {what}")

    def _odd(self, code: int, kind: str, said: str, report: dict[str, object]):
        """What is wrong with how a crawl ended."""
        if code == 97:
            yield f"did not end within {PATIENCE:g} s"
        elif kind == "kill":
            if code not in {-signal.SIGKILL, 0}:  # 0: this time there were fewer calls
                yield f"exit {code} of a killed process"
            return
        elif code not in {0, 1, 3}:
            yield f"exit {code}: {_end_of(said or str(report.get('error')))}"
        if "Traceback" in said or "Exception ignored" in said:
            yield f"a traceback: {_end_of(said)}"
        if code == 3 and self._form == "command" and "crawl: " not in said:
            yield f"no message: {said!r}"
        for name in ("files", "threads", "children", "greenlets"):
            more = int(report.get(name, 0)) - self.usual.get(name, 0)  # type: ignore[call-overload]
            if more > 0:
                yield f"{more} {name} left"

    def _reread(self, place: Path) -> None:
        from faults import rereading

        rereading.records(place / "o.jsonl")
        rereading.archived(place)
        rereading.states(place / "crawl.db")

    def _accounts(self, place: Path) -> tuple[int, int]:
        """Records lost and doubled, all outputs together."""
        from faults import rereading

        wanted = Counter(self._urls)
        found = rereading.records(place / "o.jsonl")
        rows = rereading.of_rows(place / "o.sqlite")
        fetched = rereading.fetched(place / "o.jsonl")
        archive = rereading.archived(place)
        states = rereading.states(place / "crawl.db")
        lost = (wanted - found).total() + (wanted - rows).total() + (fetched - archive).total()
        doubled = (found - wanted).total() + (rows - wanted).total() + (archive - wanted).total()
        assert states[0] == 0, f"{states[0]} still queued"
        assert sum(states[state] for state in (1, 2, 3)) == PAGES, states
        return lost, doubled


def _end_of(said: str) -> str:
    """The last words of a traceback."""
    return " | ".join(line.strip() for line in said.strip().split("\n")[-6:])


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    if sys.argv[1:2] != ["in"]:
        sys.exit(main())
    if sys.argv[2].startswith("gevent"):
        from gevent import monkey

        monkey.patch_all()
    _, _, ENGINE, FORM, EVERY, URL, FOLDER = sys.argv
    sys.exit(tortured(ENGINE, FORM, int(EVERY), URL, Path(tempfile.mkdtemp(dir=FOLDER))))

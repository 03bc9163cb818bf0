"""kill -9 in the middle of a crawl: every output has every record once, whatever its format."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sinks.test_contract import parquet, read
from warcio.archiveiterator import ArchiveIterator

from crawler.serving.fixture import Site

URLS = 400
NAMES = ("a.jsonl", "a.csv", "a.sqlite", "a.parquet")


@parquet
@pytest.mark.timeout(60)
@pytest.mark.parametrize("engine", ["gevent", "selectors"])
def test_every_output_has_every_record_once(site: Site, tmp_path: Path, engine: str) -> None:
    listed = tmp_path / "urls.txt"
    listed.write_text("".join(f"{site.url}/delay/20?n={number}\n" for number in range(URLS)))
    outs = [tmp_path / name for name in NAMES]
    command = [sys.executable, "-m", "crawler", str(listed), "-e", engine, "-c", "20", "-qq"]
    command += ["--robots", "ignore", "--state", str(tmp_path / "crawl.db")]
    command += [part for out in outs for part in ("-o", str(out))]
    command += ["-o", str(tmp_path / "w.warc.gz"), "--mirror", str(tmp_path / "mirror")]

    kills = 0
    for share in (0.1, 0.3, 0.6, 0.9):
        kills += killed(command, outs[0], int(share * URLS))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert kills >= 2
    assert ended.returncode == 0, ended.stderr
    found = {out.name: sorted(int(record["n"]) for record in read(out)) for out in outs}
    assert found == {name: list(range(1, URLS + 1)) for name in NAMES}
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith("a.")} == set(NAMES)
    assert archived(tmp_path / "w.warc.gz") == sorted(listed.read_text().split())
    assert len([path for path in (tmp_path / "mirror").rglob("20@n=*") if path.is_file()]) == URLS


def archived(path: Path) -> list[str]:
    """The URLs that a sound WARC file has responses of, sorted."""
    command = [sys.executable, "-m", "warcio.cli", "check", "-v", str(path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    with path.open("rb") as file:
        return sorted(
            record.rec_headers.get_header("WARC-Target-URI")
            for record in ArchiveIterator(file)
            if record.rec_type in {"response", "revisit"}
        )


def killed(command: list[str], out: Path, records: int) -> bool:
    """Run the command and kill it once the output has so many records; whether it came to that."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        while child.poll() is None:
            if out.exists() and out.read_bytes().count(b"\n") >= records:
                child.kill()
                return child.wait() < 0
            time.sleep(0.003)
        assert child.stderr is not None
        assert child.returncode == 0, child.stderr.read().decode()
    return False

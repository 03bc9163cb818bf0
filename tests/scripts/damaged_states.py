"""The command on states that are damaged in many ways: FOLDER.

Prints how many were refused (exit 3) and finished (exit 0 or 1), and what went wrong: another exit
code, a traceback, a page with two records.
"""

import json
import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dying import in_child
from linked import serving

from crawler import run_command  # noqa: F401 - once, not in every child

PAGES = 30
STATEMENTS = [
    "DROP TABLE urls", "DROP TABLE meta", "ALTER TABLE urls DROP COLUMN told",
    "UPDATE meta SET value = 'x'", "UPDATE urls SET url = x'ff00'", "UPDATE urls SET url = ''",
    "UPDATE hosts SET origin = 7", "UPDATE hosts SET told = '{'", "UPDATE urls SET told = '['",
    "UPDATE hosts SET robots = x'00', robots_at = 9e9", "PRAGMA user_version = 77",
    "PRAGMA application_id = 1",
]  # fmt: skip


def run(place: Path, url: str, most: int) -> None:
    """The command; its exit code is the process's."""
    os.chdir(place)
    said = os.open("said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    sys.argv = ["crawl", f"{url}/p/0", "--follow", "-e", "selectors", "--no-config", "-qq"]
    sys.argv += ["--state", "crawl.db", "-o", "o.jsonl"]
    sys.argv += ["--max-pages", str(most)]
    from crawler.__main__ import main

    try:
        main()
    except SystemExit as ended:
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def damaged(whole: bytes, dice: random.Random) -> list[bytes]:
    found = [whole[:size] for size in (1, 16, 100, 4095, 4096, 8192, len(whole) // 2)]
    for _ in range(16):
        content = bytearray(whole)
        at = dice.randrange(len(content))
        for place in range(at, min(len(content), at + dice.choice([1, 40, 4096]))):
            content[place] = dice.randrange(256)
        found.append(bytes(content))
    return found


def main(folder: Path) -> None:
    refused, finished, wrong = 0, 0, []
    with serving() as pages:
        pages.site_of(PAGES)
        first = folder / "first"
        first.mkdir()
        assert in_child(run, first, pages.url, 10) == 4, (first / "said").read_text()
        for path in first.glob("*.lock"):
            path.unlink()
        whole = (first / "crawl.db").read_bytes()
        contents = damaged(whole, random.Random(7))
        for number in range(len(contents) + len(STATEMENTS)):
            place = folder / str(number)
            shutil.copytree(first, place)
            what = "bytes"
            if number < len(contents):
                (place / "crawl.db").write_bytes(contents[number])
            else:
                what = STATEMENTS[number - len(contents)]
                with closing(sqlite3.connect(place / "crawl.db", isolation_level=None)) as db:
                    db.execute(what)
            code = in_child(run, place, pages.url, 0)
            said = (place / "said").read_text()
            urls = [json.loads(line)["url"] for line in (place / "o.jsonl").open()]
            refused += code == 3
            finished += code in {0, 1}
            if code not in {0, 1, 3} or "Traceback" in said or len(set(urls)) < len(urls):
                wrong.append([number, what, code, said[-600:], len(urls) - len(set(urls))])
    json.dump({"refused": refused, "finished": finished, "wrong": wrong}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What every client that follows links reports: how many pages, and which, by a hash of names.

    python follow_X.py START_FILE CONCURRENCY ...

Pages are the files that end in .html; what pages need to be shown (styles, images) is not counted,
for not all clients fetch it.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit


def of_records(out: Path) -> set[str]:
    """The paths of the pages a JSON Lines file tells of."""
    records = (json.loads(line) for line in out.read_text().splitlines())
    return of_urls(record["url"] for record in records if record["status"] == 200)


def of_urls(urls: Iterable[str]) -> set[str]:
    return pages(unquote(urlsplit(url).path) for url in urls)


def of_tree(folder: Path) -> set[str]:
    """The paths of the pages a mirror has."""
    return pages(f"/{path.relative_to(folder)}" for path in folder.rglob("*") if path.is_file())


def pages(paths: Iterable[str]) -> set[str]:
    return {path for path in paths if is_page(path)}


def is_page(text: str) -> bool:
    """A path or URL that counts."""
    return text.endswith(".html")


def digest(found: set[str]) -> str:
    """The same for the same set."""
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:16]

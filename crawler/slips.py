"""What was meant by the name of a file that is not there."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from pathlib import Path

_HOST = re.compile(r"localhost\b|[^/]+\.[^/.]+|[^/:]+:[0-9]+(/|$)|\[[0-9a-fA-F:.]+\]")
_FILES = (".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".xml", ".gz")


def meant(name: str) -> str:
    """What may have been meant by the name of a file that is not there, in brackets."""
    scheme, colon, _ = name.partition("://")
    if colon:
        return f" (it is no file, and of URLs only http and https are fetched, not {scheme})"
    folder, base = os.path.split(name)
    with contextlib.suppress(OSError, ValueError):
        names = [path.name for path in Path(folder or ".").iterdir()]
        close = difflib.get_close_matches(base, names, n=1, cutoff=0.8)
        if close:
            return f" (did you mean {str(Path(folder, close[0]))!r}?)"
    if _HOST.match(name) and not name.endswith(_FILES):
        return f" (a URL needs its scheme here: https://{name})"
    return ""

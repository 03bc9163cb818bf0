"""Folders that servers serve: one page of a size, or real documentation of Debian's."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

POSTGRES = Path("/usr/share/doc/postgresql-doc-15/html")
PYTHON_DOCS = Path("/usr/share/doc/python3.11/html")


@contextlib.contextmanager
def with_page(size: int) -> Iterator[Path]:
    """A folder with page.html of that size, readable for everyone: nginx is another user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "page.html").write_bytes(b"x" * size)
        yield folder


def documentation() -> list[Path]:
    """The HTML pages that Debian's documentation packages have here."""
    return [page for docs in (POSTGRES, PYTHON_DOCS) for page in sorted(docs.rglob("*.html"))]

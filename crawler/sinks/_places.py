"""Where the body of a URL lies in a mirror: plain names that every file system takes.

    https://example.org/a/?q=1      example.org/a/index@q=1.html
    http://localhost:8080/b.css     localhost_8080/b.css

What is not plain ASCII stays percent-encoded, as it is in a canonical URL: two spellings of one
letter are one name to some file systems. Encoded besides is what some of them refuse: reserved
characters, dots that begin or end a name. A name that a device has (CON) gets a tilde, one that is
too long is cut and gets a hash. Different URLs may come to one name here; mirror.py tells them
apart. Pure. https://learn.microsoft.com/windows/win32/fileio/naming-a-file
"""

from __future__ import annotations

import re
from hashlib import sha256

from crawler import urls

_LONGEST = 120  # characters of a name; encrypting file systems take 143
_LONGEST_PATH = 900  # characters; Windows takes 260 unless told otherwise, Linux 4095
_DEEPEST = 100  # names
_UNSAFE = re.compile(r"[^A-Za-z0-9._~%=&+,!()@-]")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?=\.|\Z)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<=.)\.[A-Za-z0-9]{1,8}\Z")
# By what a server says; a file has only its name to say it.
_KINDS = {
    "text/html": (".html", ".htm", ".xhtml", ".shtml"),
    "application/xhtml+xml": (".xhtml", ".html", ".htm"),
    "text/css": (".css",),
    "text/javascript": (".js", ".mjs"),
    "application/javascript": (".js", ".mjs"),
    "application/json": (".json",),
    "application/pdf": (".pdf",),
    "image/gif": (".gif",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/svg+xml": (".svg",),
    "image/webp": (".webp",),
    "text/plain": (".txt",),
}
_ONLY_BARE = frozenset({"text/plain"})  # said of everything: a name with a suffix keeps it


def place(url: str, kind: str, *, is_page: bool) -> list[str]:
    """Names from the host's folder down to the file's.

    Args:
        url: a canonical URL.
        kind: its Content-Type.
        is_page: it is HTML, whatever the server says.
    """
    origin = urls.origin(url)
    host = origin.authority.replace(":", "_").strip("[]").replace("]", "")
    path, _, query = urls.target(url).partition("?")
    *folders, name = path.split("/")[1:]
    name = name or "index"
    if query:
        name = f"{name}@{query}"
    name, suffix = _split(name, kind, is_page=is_page)
    names = [_safe(host), *map(_safe, folders), _named(name, suffix)]
    if len(names) > _DEEPEST or sum(map(len, names)) + len(names) > _LONGEST_PATH:
        return [names[0], f"~{_hash(url, 32)}{suffix}"]
    return names


def other(name: str, url: str, turn: int) -> str:
    """Another name for a file whose own one is taken."""
    found = _SUFFIX.search(name)
    end = found.start() if found else len(name)
    return f"{name[:end]}~{_hash(f'{turn} {url}' if turn else url, 8)}{name[end:]}"


def _split(name: str, kind: str, *, is_page: bool) -> tuple[str, str]:
    """The name without its suffix, and the suffix that says what it is."""
    found = _SUFFIX.search(name)
    suffix = found[0] if found else ""
    said = kind.partition(";")[0].strip().lower()
    fitting = _KINDS.get(said, ())
    if is_page and said != "application/xhtml+xml":
        fitting = _KINDS["text/html"]
    if not fitting or suffix.lower() in fitting or (suffix and said in _ONLY_BARE and not is_page):
        return name[: len(name) - len(suffix)], suffix
    return name, fitting[0]


def _safe(name: str) -> str:
    """A folder's name."""
    return _named(name, "")


def _named(name: str, suffix: str) -> str:
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name) or "~"
    if len(safe) + len(suffix) > _LONGEST:
        safe = f"{safe[: _LONGEST - 40]}~{_hash(name + suffix, 16)}"
    if safe.startswith("."):
        safe = f"%2E{safe[1:]}"
    if safe.endswith(".") and not suffix:
        safe = f"{safe[:-1]}%2E"
    device = _DEVICE.match(safe)
    if device is not None:
        safe = f"{safe[: device.end()]}~{safe[device.end() :]}"
    return safe + suffix


def _hash(text: str, digits: int) -> str:
    return sha256(text.encode()).hexdigest()[:digits]

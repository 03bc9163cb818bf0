"""On which kind of file system a file lies: a state on another machine's disk would be damaged.

SQLite's write-ahead log needs memory that all who use the file share, which no file system over a
network gives (sqlite.org/wal.html, "all processes must be on the same host"), and its locks are not
kept by many of them (sqlite.org/howtocorrupt.html, 2.1). The kernel tells in mountinfo (proc(5)).
"""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "fuse.sshfs"})
_OCTAL = re.compile(r"\\([0-7]{3})")  # how a space, a tab, a newline and a backslash are written


def remote(path: Path) -> str:
    """The file system's kind where the file lies on another machine, else ""; also when unknown."""
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        place = path.absolute().resolve()
    except OSError:
        return ""
    found, length = "", -1
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        words = fields.split(" ")
        if len(words) < 5:
            continue
        mounted = Path(_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), words[4]))
        # What is mounted later at the same place covers what was there.
        if len(mounted.parts) >= length and place.is_relative_to(mounted):
            found, length = kind.partition(" ")[0], len(mounted.parts)
    return found if found in _REMOTE else ""

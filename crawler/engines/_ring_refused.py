"""Why the kernel gives no io_uring, in words, and what would help."""

from __future__ import annotations

import errno
from pathlib import Path


def reason(error: OSError) -> str:
    """What the errno of io_uring_setup(2), or of what follows it, means."""
    number = error.errno or 0
    said = f"engine 'uring': io_uring was refused ({errno.errorcode.get(number, number)}): "
    if number == errno.EPERM:
        try:
            disabled = Path("/proc/sys/kernel/io_uring_disabled").read_text("ascii").strip()
        except OSError:
            disabled = "0"
        if disabled != "0":
            return said + f"the sysctl kernel.io_uring_disabled is {disabled}; it must be 0"
        return said + "a seccomp filter, as of most containers, keeps it away; allow its calls"
    if number == errno.ENOSYS:
        return said + "this kernel, or its seccomp filter, does not have it; 5.19 or later does"
    if number == errno.ENOMEM:
        return said + "no memory for its queues: raise the memory cgroup's limit, or ulimit -l"
    if number in {errno.EMFILE, errno.ENFILE}:
        return said + "no descriptor is free: close some files, or raise ulimit -n"
    return said + "this kernel lacks a part of it that is needed; 5.19 or later has it"

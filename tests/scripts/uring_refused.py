"""Runs a module, or asks for the reason, where the kernel refuses io_uring.

uring_refused.py ERRNO [MODULE ARGUMENT ...]: a seccomp filter gives that errno for
io_uring_setup(2), as those of containers do; then `python -m MODULE ARGUMENT ...`.
"""

import ctypes
import os
import platform
import struct
import sys

_SECCOMP, _NO_NEW_PRIVS, _FILTER = 22, 38, 2  # prctl(2)
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: ld [k]; jeq k, jt, jf; ret k
_ERRNO, _ALLOW = 0x00050000, 0x7FFF0000


def refuse(number, code):
    """Lets the system call `number` fail with `code`, in this process and its children."""
    program = b"".join(
        struct.pack("=HBBI", *line)
        for line in (
            (_LOAD, 0, 0, 0),  # seccomp_data.nr
            (_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, _ERRNO | code),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("@HP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, head, 0, 0):
        sys.exit(f"no seccomp on {platform.machine()}: errno {ctypes.get_errno()}")


if __name__ == "__main__":
    refuse(425, int(sys.argv[1]))
    if sys.argv[2:]:
        os.execv(sys.executable, [sys.executable, "-m", *sys.argv[2:]])
    from crawler import engines
    from crawler.errors import EngineUnavailable
    from crawler.model import Limits, Network

    print(engines.unavailable("uring"))
    try:
        engines.open("uring", concurrency=1, limits=Limits(), network=Network())
    except EngineUnavailable as error:
        print(type(error).__name__)

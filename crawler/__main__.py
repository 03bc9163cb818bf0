"""`python -m crawler`, and the console script `crawl`.

Nothing is imported before it is known what for: the child of a comparison must not carry the
command line's modules in its memory, and a patched process patches before anything else.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    try:
        _have_streams()
        _die_quietly()
    except MemoryError:  # from here on the commands say so themselves
        os.write(2, b"crawl: there is no memory left to start with: a larger limit (ulimit -v)\n")
        sys.exit(3)
    if sys.argv[1:2] == ["measure"]:
        from crawler.measuring import main as measure

        measure()
        return
    if sys.argv[1:] == ["shard"]:
        from crawler.shard_worker import main as shard

        shard()
        return
    if sys.argv[1:2] == ["handed-over"] and _is_patched():
        from crawler.run_command import handed_over

        handed_over()
    from crawler.cli import main as crawl

    crawl()


def _have_streams() -> None:
    """Open what was closed, else the next file or socket would be taken for stdout."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one


def _is_patched() -> bool:
    return "gevent.monkey" in sys.modules


def _die_quietly() -> None:
    """Until the run has its own handlers a signal ends the process, without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _is_patched():  # the other side of handover.give, which blocks them
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


if __name__ == "__main__":
    main()

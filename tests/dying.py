"""Work in processes that may die in the middle of it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable


def in_child(work: Callable[..., None], *arguments: object) -> int:
    """What the work, done in a process of its own, ended with."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        except BaseException:  # noqa: BLE001 - told, and told again by the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

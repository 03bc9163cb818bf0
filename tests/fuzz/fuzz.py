"""make fuzz: every target for FUZZ_SECONDS (60), each with mutations of its seeds.

    cd tests && python -m fuzz.fuzz [TARGET ...]

What breaks a promise, or takes longer than ten seconds, is made as small as it goes, kept under
kept/TARGET-HASH and told; the tests run everything that is kept. The run's own seed is printed:
FUZZ_SEED gives it again. Ends with 1 when something was found.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from hashlib import sha256
from pathlib import Path

from fuzz.mutations import mutated
from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS

KEPT = Path(__file__).parent / "kept"
SLOW = 10  # seconds for one input


class TooSlow(BaseException):
    """One input took too long."""


def kept(name: str) -> tuple[bytes, ...]:
    """What earlier runs have found for the target."""
    return tuple(path.read_bytes() for path in sorted(KEPT.glob(f"{name}-*")))


def fault(name: str, data: bytes) -> str:
    """What went wrong with it, the last line of it; "" for nothing."""
    signal.alarm(SLOW)
    try:
        TARGETS[name](data)
    except TooSlow:
        return f"took longer than {SLOW} s"
    except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return ""


def smallest(name: str, data: bytes) -> bytes:
    """A part of `data` that still fails and of which no half, quarter, ... can be left out."""
    size = len(data) // 2
    end = time.monotonic() + SLOW
    while size and time.monotonic() < end:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if fault(name, shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def fuzzed(name: str, seconds: float, seed: int) -> tuple[int, list[tuple[bytes, str]]]:
    """How many inputs were tried in that time, and what failed: five at most."""
    rng = random.Random(f"{name}{seed}")
    pool = [*SEEDS[name], *kept(name)]
    found: list[tuple[bytes, str]] = []
    tried = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(found) < 5:
        data = mutated(rng.choice(pool), rng.choice(pool), rng)
        tried += 1
        if fault(name, data):
            small = smallest(name, data)
            if small not in dict(found):
                found.append((small, fault(name, small)))
    return tried, found


def main() -> int:
    """Fuzz the targets named, or all."""
    signal.signal(signal.SIGALRM, _slow)
    seconds = float(os.environ.get("FUZZ_SECONDS", "60"))
    seed = int(os.environ.get("FUZZ_SEED", str(random.SystemRandom().randrange(2**32))))
    print(f"seed {seed}, {seconds:g} s for each target", flush=True)
    failed = False
    for name in sys.argv[1:] or list(TARGETS):
        tried, found = fuzzed(name, seconds, seed)
        print(f"{name:<10}{tried:>10,} inputs  {len(found)} broke a promise", flush=True)
        for data, said in found:
            failed = True
            path = KEPT / f"{name}-{sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"{path}: {data[:80]!r}\n{said}", flush=True)
    return int(failed)


def _slow(_number: int, _frame: object) -> None:
    raise TooSlow


if __name__ == "__main__":
    sys.exit(main())

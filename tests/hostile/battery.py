"""Plays all rows to one engine, in a fresh interpreter, and judges what came back.

Rows are independent: each has its own port, and most run 16 at a time. Those that are about the
next request on the same connection run one at a time, else another worker might take it. Deadlines
are short only for the rows that are to meet one: no other row fails because a machine is busy.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from hostile.catalogue import ROWS
from hostile.certificates import Certificates
from hostile.origin import OTHER, Origin, Seen
from hostile.row import AGAIN, Ask, Row

PROGRAM = Path(__file__).parent.parent / "scripts" / "contract_batch.py"
PROJECT = Path(__file__).parent.parent.parent
TIME_ALLOWED = 90.0  # seconds for one engine

# What is counted in bytes stays as it is by default.
LIMITS = {
    "timeout": 20.0,
    "connect": 10.0,
    "stagger": 0.1,
    "first_byte": 10.0,
    "idle": 10.0,
    "redirect_time": 0.3,
    "retries": 0,
}
SHORT = {"timeout": 1.2, "connect": 0.5, "first_byte": 0.5, "idle": 0.4}
_ASIDE = Row("aside")  # a good server whose /rest lets time pass
_AFTER = 10_000  # added to a row's number: the request that looks at the connection


@dataclass
class Played:
    """What one engine made of all rows: outcomes by row, and the server's log."""

    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    after: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: Mapping[str, list[Seen]] = field(default_factory=dict)
    sockets: int = 0  # still open when the engine was closed
    twice: list[str] = field(default_factory=list)  # rows with more than one outcome
    trouble: str = ""  # why there are no outcomes at all


def play(
    engine: str, certificates: Certificates, home: Path, rows: Mapping[str, Row] = ROWS
) -> Played:
    """Runs the battery; never raises for what the engine does."""
    with Origin([*rows.values(), _ASIDE], certificates.contexts) as origin:
        job = _job(engine, origin, certificates, rows)
        try:
            done = subprocess.run(
                [sys.executable, str(PROGRAM)],
                input=json.dumps(job),
                capture_output=True,
                text=True,
                timeout=TIME_ALLOWED,
                env=_environ(home),
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            tail = (error.stderr or b"").decode(errors="replace")[-2000:]
            return Played(trouble=f"{engine} did not end within {TIME_ALLOWED:g} s\n{tail}")
        if done.returncode != 0:
            return Played(trouble=f"{engine} ended with {done.returncode}\n{done.stderr[-3000:]}")
        played = Played(log=origin.log)
        names = list(rows)
        said = json.loads(done.stdout)
        played.sockets = said["sockets"]
        for outcome in said["outcomes"]:
            number = outcome["number"]
            kind = played.after if number > _AFTER else played.outcomes
            name = names[number % _AFTER - 1]
            if name in kind:
                played.twice.append(name)
            kind[name] = outcome
        return played


def _environ(home: Path) -> dict[str, str]:
    """An environment full of traps: PX07."""
    closed = "http://127.0.0.1:9"
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH", ""))))
    traps = {"HTTP_PROXY": closed, "HTTPS_PROXY": closed, "ALL_PROXY": closed, "HOME": str(home)}
    return os.environ | traps | {"http_proxy": closed, "https_proxy": closed, "PYTHONPATH": path}


def _job(
    engine: str, origin: Origin, certificates: Certificates, rows: Mapping[str, Row]
) -> dict[str, Any]:
    together: list[Any] = []
    waiting: list[Any] = []
    again: list[Any] = []
    alone: list[Any] = []
    again_alone: list[Any] = []
    insecure: list[Any] = []
    batches: list[dict[str, Any]] = []
    for number, row in enumerate(rows.values(), 1):
        sequence = _sequence(row, number, origin)
        if row.insecure_before:
            before = _request(Ask("/before"), row, origin, 0)
            insecure.append([before])
            alone.append(sequence)
        elif row.proxied or row.limits:
            batches.append(_batch_of_its_own(row, sequence, origin))
        elif "timeout" in row.code:
            waiting.append(sequence)
        elif row.connection == "reuse" or len(row.asks) > 1:
            (again_alone if row.retries else alone).append(sequence)
        else:
            (again if row.retries else together).append(sequence)
    return {
        "engine": engine,
        "limits": LIMITS,
        "filler": origin.url(_ASIDE, "/rest"),
        "ca_file": str(certificates.ca_file),
        "resolve": _addresses(origin, rows),
        "batches": [
            {"concurrency": 1, "insecure": True, "sequences": insecure},
            {"concurrency": len(waiting), "limits": SHORT, "sequences": waiting},
            {"concurrency": 16, "sequences": together},
            {"concurrency": len(again), "limits": {"retries": 2}, "sequences": again},
            {"concurrency": 1, "limits": {"retries": 2}, "sequences": again_alone},
            {"concurrency": 1, "sequences": alone},
            *batches,
        ],
    }


def _batch_of_its_own(row: Row, sequence: list[dict[str, Any]], origin: Origin) -> dict[str, Any]:
    short = SHORT if "timeout" in row.code else {}
    batch = {"concurrency": 1, "limits": {**short, **row.limits}, "sequences": [sequence]}
    return batch | {"proxy": f"http://127.0.0.1:{origin.port(row)}"} if row.proxied else batch


def _sequence(row: Row, number: int, origin: Origin) -> list[dict[str, Any]]:
    last = len(row.asks) - 1
    asks = [
        _request(ask, row, origin, number if index == last else 0)
        for index, ask in enumerate(row.asks)
    ]
    if row.connection:
        asks.append(_request(Ask("/again"), row, origin, number + _AFTER))
    return asks


def _request(ask: Ask, row: Row, origin: Origin, number: int) -> dict[str, Any]:
    target = "/rest" if ask.rest else ask.target
    url = ask.url or origin.url(_ASIDE if ask.rest else row, target)
    request = {key: value for key, value in asdict(ask).items() if key not in {"target", "rest"}}
    return request | {"url": url, "number": number, "body": len(ask.body)}


def _addresses(origin: Origin, rows: Mapping[str, Row]) -> list[tuple[str, int, str]]:
    found = []
    for row in rows.values():
        if not row.host[0].isdigit():
            found += [(row.host, origin.port(row), address) for address in row.addresses]
        if row.secret:
            found.append(("other.test", origin.port(row, OTHER), "127.0.0.1"))
    return found


def misses(name: str, played: Played) -> list[str]:
    """What is not as the catalogue says, each as ``aspect: sentence``; empty when it agrees."""
    row = ROWS[name]
    outcome = played.outcomes.get(name)
    if outcome is None:
        return ["outcome: there is none"]
    wrong = _failure(row, outcome) if row.code else _response(row, outcome)
    wrong += _requests(row, played.log[name])
    if row.connection:
        wrong += _connection(row, played)
    return wrong


def _response(row: Row, outcome: dict[str, Any]) -> list[str]:
    if outcome["code"]:
        return [f"outcome: expected a response, got {outcome['code']}: {outcome['message'][:200]}"]
    wrong = []
    if outcome["status"] != row.status:
        wrong.append(f"status: expected {row.status}, got {outcome['status']}")
    if not _same(outcome["body"], row.body):
        wrong.append(f"body: expected {len(row.body)} bytes, got {_shown(outcome['body'])}")
    if outcome["truncated"]:
        wrong.append(f"body: it is whole but marked truncated: {outcome['truncated']}")
    wrong.extend(
        f"warnings: expected {warning}, got {outcome['warnings']}"
        for warning in row.warnings
        if not (outcome["warnings"] if warning == "warn" else warning in outcome["warnings"])
    )
    return wrong


def _failure(row: Row, outcome: dict[str, Any]) -> list[str]:
    if outcome["code"] not in row.code.split("|"):
        got = outcome["code"] or f"a response {outcome['status']} {_shown(outcome['body'])}"
        return [f"outcome: expected {row.code}, got {got} {outcome.get('message', '')[:200]}"]
    wrong = []
    if outcome["retry"] not in row.retry.split("|"):
        wrong.append(f"retry: expected {row.retry}, got {outcome['retry']}")
    partial = outcome["partial"]
    if not row.kept:
        if partial is not None:
            wrong.append(f"kept: expected nothing, got {_shown(partial['body'])}")
    elif partial is None:
        wrong.append(f"kept: expected {row.kept}, nothing was")
    else:
        wrong += _kept(row, partial)
    return wrong


def _kept(row: Row, partial: dict[str, Any]) -> list[str]:
    if row.kept == "raw":
        wrong = (
            [] if _same(partial["raw"], row.body) else ["kept: the raw body is not what was sent"]
        )
        return wrong if partial["truncated"] else [*wrong, "kept: it is not marked truncated"]
    wrong = []
    truncated = partial["truncated"] or "full"
    if truncated not in row.kept.split("|"):
        wrong.append(f"kept: expected {row.kept}, got {truncated}")
    body = base64.b64decode(partial["body"]["start"])
    if not body.startswith(row.body[: len(body)]) or len(body) < min(len(row.body), 4096):
        wrong.append(f"kept: expected a body that begins with {row.body[:40]!r}, got {body[:80]!r}")
    return wrong


def _requests(row: Row, log: list[Seen]) -> list[str]:
    wrong = []
    target = row.asks[-1].target
    seen = sum(1 for request in log if request.target == target)
    if row.seen and seen != row.seen:
        wrong.append(f"requests: expected {row.seen} of {target}, the server saw {seen}")
    began = [request.head for request in log if request.target not in {"/again", "/rest"}]
    if row.heads and (
        len(began) != len(row.heads) or not all(map(bytes.startswith, began, row.heads))
    ):
        wrong.append(f"requests: expected {row.heads}, the server saw {[h[:40] for h in began]}")
    for before, request in pairwise(log):
        if request.target in row.fresh and request.connection == before.connection:
            wrong.append(f"connection: {request.target} came on the connection of {before.target}")
    for request in log:
        leaked = row.secret and request.server == OTHER and row.secret in request.head
        if leaked or (row.never and row.never in request.head):
            wrong.append(f"secret: it reached the server: {request.head!r}")
    return wrong


def _connection(row: Row, played: Played) -> list[str]:
    after = played.after.get(row.id)
    log = [request for request in played.log[row.id] if not request.server]
    if row.listen == "yes":
        if after is None or after["code"] or not _same(after["body"], AGAIN):
            return [f"connection: the next request did not get its page: {after}"[:400]]
        before = [request.connection for request in log if request.target != "/again"]
        now = log[-1].connection
        if row.connection == "reuse" and now not in before:
            return ["connection: expected reuse, the next request came on another"]
        if row.connection == "close" and now in before:
            return ["connection: expected it closed, the next request came on it"]
    return []


def _same(body: dict[str, Any], expected: bytes) -> bool:
    return bool(body["sha256"] == hashlib.sha256(expected).hexdigest())


def _shown(body: dict[str, Any]) -> str:
    return f"{body['size']} bytes {base64.b64decode(body['start'])[:60]!r}"

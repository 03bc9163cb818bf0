"""llhttp's own response tests, fed to the parser whole and byte by byte.

The file is read from the folder that CRAWLER_SUITES names. A case is scored on its first final
response: refused where llhttp refuses, else the same status and body. Where the outcome is another
on purpose, RULED says why in one line.
"""

from __future__ import annotations

import base64
from typing import Any

from suites.suite import Suite, rows

from crawler.errors import FetchError
from crawler.model import Limits
from crawler.wire.parse import ResponseParser

STALE = "bytes after the response are not read: the connection is closed instead (BL18)"
LENIENT = "llhttp's lenient flag: not a response anyone should accept"
BARE_LF = "bare LF is taken and the connection closed, as curl and http.client do (HD09)"
SWITCH = "nothing asked for another protocol (HD30)"
CODING = "an unknown transfer coding is refused: its framing would be the page (TE18, TE19)"
CUT = "the bytes end before the response does: refused as incomplete, what came is the same"
FOREIGN = "another protocol's status line (HD02)"

RULED = {
    "connection#6": STALE,
    "connection#8": STALE,
    "connection#10": SWITCH,
    "connection#11": SWITCH,
    "connection#18": CUT,
    "content-length#4": CUT,
    "invalid#9": LENIENT,
    "invalid#16": BARE_LF,
    "invalid#18": BARE_LF,
    "sample#10": BARE_LF,
    "lenient-version#1": LENIENT,
    "sample#2": FOREIGN,
    "sample#3": FOREIGN,
    "sample#15": "a name with a space is left out with a warning, the rest is read (HD14)",
    "sample#17": "HTTP/0.9 has no status line; one that says so is refused (HD06)",
    "sample#19": "an empty line before the head is left over from another response (HD08)",
    "transfer-encoding#2": CODING,
    "transfer-encoding#3": CODING,
    "transfer-encoding#4": CODING,
    "transfer-encoding#8": CUT,
    "transfer-encoding#10": CODING,
}


def key(case: dict[str, Any]) -> str:
    return str(case["id"]).rpartition("/")[2]


def outcome(pieces: list[bytes], *, method: str) -> tuple[bool, int, bytes]:
    """Whether the response was taken, its status and its body."""
    parser = ResponseParser(method, Limits())
    taken = True
    try:
        for piece in pieces:
            parser.feed(piece)
        parser.end()
    except FetchError:
        taken = False
    return taken, parser.status, parser.body


def agrees(case: dict[str, Any]) -> bool:
    data = base64.b64decode(case["bytes_b64"])
    method = "HEAD" if case["meta"].get("skipBody") else "GET"
    taken, status, body = outcome([data], method=method)
    if not case["expect"]["ok"]:
        return not taken
    final = next(
        message
        for message in case["expect"]["messages"]
        if message["status"] and (message["status"] >= 200 or message["status"] == 101)
    )
    return taken and (status, body) == (final["status"], base64.b64decode(final["body_b64"]))


def run() -> dict[str, bool]:
    return {key(case): agrees(case) for case in rows("llhttp_responses")}


SUITES = [Suite("llhttp_responses", 63, run, RULED)]


def test_llhttp_agrees_or_there_is_a_ruling():
    SUITES[0].check()


def test_llhttp_cases_have_one_outcome_in_any_pieces():
    for case in rows("llhttp_responses"):
        data = base64.b64decode(case["bytes_b64"])
        whole = outcome([data], method="GET")
        for size in (1, 2, 7):
            pieces = [data[at : at + size] for at in range(0, len(data), size)]

            assert outcome(pieces, method="GET") == whole, key(case)

"""curl's tests whose outcome is not ours, and why: a line for each reason.

Rows in capitals are the catalogue's; where curl and the catalogue differ, the catalogue holds.
"""

from __future__ import annotations

_GROUPS: dict[str, tuple[int, ...]] = {
    "Digest and NTLM authentication are not offered": (
        *(64, 65, 70, 72, 90, 175, 246, 273, 388, 1204, 1229, 1284, 1419, 1437),
        *(2061, 2063, 2064, 2065, 2066, 2067, 2069),
    ),
    "resuming a download (-C) is not offered": (38, 99, 188, 194, 1042),
    "conditional requests (-z) are not offered": (1127, 1239),
    "several command lines in one (--next) are not replayed": (386, 1081, 1117, 1624),
    "query and form encoding (--url-query, --data-urlencode) are not offered": (1015, 1221),
    "the command only formats output (-w headers of two URLs at once)": (764,),
    "statuses are tried again only on request (--retry-on), and one outcome is kept": (
        *(197, 1497, 1633),
    ),
    "requests of HTTP/1.0 (-0) are not offered": (47,),
    "raw framing as body (--raw) is not offered: an unknown coding is refused (TE19)": (319,),
    "the server's own slowness is not replayed here: BL05 plays it": (29,),
    "a URL is at most 4096 bytes (TR13)": (22,),
    "a space in a query is %20, as the WHATWG standard says, not +": (40,),
    "HTTP/0.9 is refused (HD01)": (1164, 1267),
    "white space before the first header is refused (HD11)": (1473,),
    "chunk lines that end in a bare LF are refused (TE09)": (1170, 1417, 1617, 1677),
    "a coding besides chunked is refused: TE was not sent (TE17)": (1123,),
    "chunked must stand there once and alone (TE18, TE21)": (1482,),
    "trailers are not part of the body: curl includes them where it shows heads": (1493,),
    "several gzip members are one body (CE05)": (2305,),
}

RULINGS = {f"curl/test{number}": why for why, numbers in _GROUPS.items() for number in numbers}

"""Text from outside, made safe to show: no byte of it can steer a terminal or forge a log line."""

from __future__ import annotations

import re

# C0, DEL, C1, bidirectional controls, line and paragraph separators, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe_text(text: str) -> str:
    r"""`text` with everything that is not plain printing written as ``\xNN`` or ``\uNNNN``."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"

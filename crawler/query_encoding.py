"""Links of pages in old encodings: their query goes to the server in the page's own encoding. Pure.

    page in windows-1251:   <a href="?q=да">   asks for   ?q=%E4%E0   and not for   ?q=%D0%B4%D0%B0

Path and host are always UTF-8. So do browsers; a server that reads its forms so knows no other
spelling. https://url.spec.whatwg.org/#query-state, https://encoding.spec.whatwg.org/#encoders
"""

from __future__ import annotations

import codecs
import unicodedata

from crawler.labels import ENCODINGS

# As the standard has it, encoders to UTF-16 are encoders to UTF-8.
_UTF_8 = frozenset({"", "utf-8", "utf-16", "utf-16be", "utf-16le", "replacement"})
# Python's tables for Japanese and the standard's differ in the signs that have two code points.
_SIGNS = {"\uff0d": "\u2212", "\uff5e": "\u301c", "\u2225": "\u2016", "\uffe0": "\u00a2",
          "\uffe1": "\u00a3", "\uffe2": "\u00ac"}  # fmt: skip
_ROMAN = {"\u00a5": "\\", "\u203e": "~"}
_HALF_WIDTH = {
    chr(code): unicodedata.normalize("NFKC", chr(code)) for code in range(0xFF61, 0xFFA0)
}
_UNSAFE = dict.fromkeys("\x0e\x0f\x1b", "\ufffd")  # would change the encoder's state
_TRANSLATIONS = {
    "shift_jis": str.maketrans({"\u2212": "\uff0d", **_ROMAN}),
    "euc-jp": str.maketrans({**_SIGNS, **_ROMAN}),
    "iso-2022-jp": str.maketrans({**_SIGNS, **_HALF_WIDTH, **_UNSAFE}),
}
# Where the standard encodes otherwise than it decodes.
_CODECS = {"big5": "cp950", "gbk": "gbk"}
_NOT_OF_GB18030 = "\ue5e5"


def is_utf_8(encoding: str) -> bool:
    """Whether queries on such a page are what they look like."""
    return encoding in _UTF_8


def in_encoding(reference: str, encoding: str) -> str:
    """`reference` with the query as a page in `encoding` means it: escaped, so ASCII.

    `encoding` is a name of the standard in lower case, as `charset.sniff` gives it.
    """
    if is_utf_8(encoding) or (reference.isascii() and encoding != "iso-2022-jp"):
        return reference
    before, hash_mark, fragment = reference.partition("#")
    before, mark, query = before.partition("?")
    if query.isascii() and encoding != "iso-2022-jp":
        return reference
    octets = _encode(query.strip("\t\n\r"), encoding)
    # All that may not stand in a query is escaped when it is joined; "#" would end it.
    spelt = "".join(
        chr(octet) if octet < 0x7F and octet != ord("#") else f"%{octet:02X}" for octet in octets
    )
    return f"{before}{mark}{spelt}{hash_mark}{fragment}"


def _encode(text: str, encoding: str) -> bytes:
    text = text.translate(_TRANSLATIONS.get(encoding, {}))
    codec = _CODECS.get(encoding) or ENCODINGS.get(encoding, "utf-8")
    errors = "crawler.gbk" if encoding == "gbk" else "crawler.url"
    if encoding == "gb18030" and _NOT_OF_GB18030 in text:
        pieces = [piece.encode(codec, errors) for piece in text.split(_NOT_OF_GB18030)]
        return f"%26%23{ord(_NOT_OF_GB18030)}%3B".encode().join(pieces)
    return text.encode(codec, errors)


def _as_reference(error: UnicodeError) -> tuple[str, int]:
    """``&#8224;``, escaped: what browsers send for a character that the encoding does not have."""
    assert isinstance(error, UnicodeEncodeError)
    codes = map(ord, error.object[error.start : error.end])
    scalar = (0xFFFD if 0xD800 <= code < 0xE000 else code for code in codes)
    return "".join(f"%26%23{code}%3B" for code in scalar), error.end


def _of_gbk(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    if error.object[error.start] == "\u20ac":
        return b"\x80", error.start + 1
    return _as_reference(error)


codecs.register_error("crawler.gbk", _of_gbk)
codecs.register_error("crawler.url", _as_reference)

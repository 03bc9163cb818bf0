"""A site that puts into everything it says what terminals, logs, tables and archives obey."""

from __future__ import annotations

import html

from security.witness import Said, page

ESCAPES = (
    "\x1b]0;owned\x07", "\x1b[2J\x1b[1;1H", "\x9b31m", "\x1bP1$r\x1b\\", "\x08\x08\x08", "\x7f",
    "\x00", "\u202egnp.exe", "\u2066x\u2069", "\u2028forged", "\u200f",
)  # fmt: skip
FORMULAS = ("=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\u200b=1+1", "\uff1d1+1",
            " =1+1", "\xad=1")  # fmt: skip
LINES = (
    'x\r\n{"forged": 1}', "x\n2026-01-01 00:00:00 ERROR crawler: forged",
    "x\r\nWARC/1.1\r\nWARC-Type: forged\r\n\r\n", "x\rforged",
)  # fmt: skip
MARKUP = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "{{7*7}}",
    "'); DROP TABLE pages;--", "</title></textarea><svg onload=alert(1)>", "javascript:alert(1)",
)  # fmt: skip
NASTY = ESCAPES + FORMULAS + LINES + MARKUP


def answer(said: Said) -> bytes:
    """What the site says: its paths are ``/KIND/NUMBER``, and all of them are linked from ``/``."""
    kind, _, number = said.path.strip("/").partition("/")
    text = NASTY[int(number)] if number.isdigit() and int(number) < len(NASTY) else ""
    flat = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\0", " ")
    wire = flat.encode("utf-8").decode("latin-1")
    if kind == "robots.txt":
        return page("".join(f"Disallow: /{each}\nSitemap: {each}\n" for each in NASTY), status=wire)
    if kind == "head":
        return page("x", f"Content-Type: text/html; charset={wire}", f"ETag: {wire}",
                    f"Last-Modified: {wire}", f"X-{number}: {wire}", f"Set-Cookie: {wire}",
                    f"Server: {wire}", status=f"200 {wire}")  # fmt: skip
    if kind == "reason":
        return page("x", f"Content-Type: {wire}", f"Retry-After: {wire}", status=f"404 {wire}")
    if kind == "moved":
        return page("x", f"Location: {wire}", status=f"302 {wire}")
    if kind == "broken":
        return f"HTTP/1.1 200 {wire}\r\n{wire}\r\nContent-Length: {wire}\r\n\r\n".encode("latin-1")
    if kind == "coded":
        return page("x", f"Content-Encoding: {wire}", f"Transfer-Encoding: {wire}")
    if kind == "page":
        body = (
            f"<title>{text}</title><h1>{html.escape(text)}</h1><p title={text!r}>{text}</p>"
            f'<a href="/linked/{html.escape(text)}">x</a><a href="{html.escape(text)}">x</a>'
            f'<link rel="canonical" href="{html.escape(text)}">'
        )
        return page(body.encode("utf-8", "replace"), "Content-Type: text/html; charset=utf-8")
    kinds = ("page", "head", "reason", "moved", "broken", "coded")
    links = (f'<a href="/{kind}/{n}">x</a>' for kind in kinds for n in range(len(NASTY)))
    return page("".join(links) if not kind else "linked", "Content-Type: text/html")

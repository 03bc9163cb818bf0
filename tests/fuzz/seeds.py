"""Sound examples of what each target reads; the mutations begin here."""

from __future__ import annotations

import gzip
import zlib

_PAGE = b"""<!DOCTYPE html><html><head><base href="/b/"><title>T &amp; U</title>
<meta name=robots content="index"><link rel="canonical" href="x"><link rel=stylesheet href=a.css>
<meta http-equiv="refresh" content="5; url=next.html"></head><body><a href="one?a=b&amp;c#d">1</a>
<a href='//other.example/' rel="nofollow ugc">2</a><area href=three><iframe src="four"></iframe>
<img srcset="s.png 1x, t.png 2x" src=u.png><svg><a xlink:href="v">w</a></svg></body></html>"""
_SITEMAP = b"""<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/1</loc>
<lastmod>2026-01-02</lastmod></url><url><loc>/2?a&amp;b</loc></url></urlset>"""
_FEED = (
    b"""<rss version="2.0"><channel><item><link>https://a.example/i</link></item></channel></rss>"""
)
_INDEX = b"<sitemapindex><sitemap><loc>https://a.example/s.xml.gz</loc></sitemap></sitemapindex>"
_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello"
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n"
)
_CLOSE = b"HTTP/1.0 200\r\nServer: x\r\nConnection: close\r\n\r\nto the end"
_INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _LENGTH
_MOVED = b"HTTP/1.1 301 Moved\r\nLocation: /b\r\nContent-Length: 3\r\nKeep-Alive: max=5\r\n\r\nabc"
_MESSAGES = (_LENGTH, _CHUNKED, _CLOSE, _INTERIM, _MOVED)

_SHEET = rb"""@charset "utf-8"; @import "a.css" screen; @import url(b.css);
/* url(no) */ p { background: url( c.png ) } @font-face { src: url("d\2e woff"), local("x") }
i { b: image-set("e.png" 1x, url(f.png) 2x); content: "no" } @namespace url(http://g/);
u { b: u\72l(h\)i) url(data:image/png;base64,AA==) url(#j) }"""
_STYLED = b"""<!doctype html><base href=/b/><style>@import 'i.css'; p{background:url(p.png)}</style>
<p style="background: url(&quot;q.png&quot;)" class=x><img srcset="a.png 1x, b.png 2x" src=a.png>
<i style=b:url(r.png)><link rel=stylesheet href=/s.css integrity=sha256-x crossorigin>
<meta http-equiv=refresh content="5; url=/b"><a href='//c.example/d?e=f&amp;g=h#i j'>k</a>
<svg><use xlink:href=u.svg#v></svg><form action=w>"""

SEEDS: dict[str, tuple[bytes, ...]] = {
    "response": _MESSAGES,
    "codings": (
        b"\0" + gzip.compress(_PAGE),
        b"\1" + zlib.compress(_PAGE),
        b"\1" + zlib.compress(_PAGE)[2:-4],
        b"\5" + gzip.compress(gzip.compress(b"a" * 9000)),
        b"\2\x0b\x02\x80hello\x03",
        b"\3(\xb5/\xfd\x04\x00A\x00\x00hello\x9dk\xb1\xa1",
    ),
    "urls": (
        b"HTTP://EXAMPLE.com:80/a/../b?c=d#e",
        b"//user:pw@h\xc3\xa9.example/%7e",
        b"..\\x\ty?z=\xc3\xa9",
        b"http://0x7f.1/[::1]",
        b"https://[::ffff:127.0.0.1]:443/",
        b"mailto:a@b.example",
    ),
    "robots": (
        (
            b"User-agent: crawler\nDisallow: /a*b$\nAllow: /a\nCrawl-delay: 2\n\n"
            b"User-agent: *\nDisallow: /%7Ex\nSitemap: /s.xml\n"
        ),
        b"\xef\xbb\xbfuser-agent:*\rdisallow:/\r",
    ),
    "sitemap": (_SITEMAP, _FEED, _INDEX, gzip.compress(_SITEMAP), b"https://a.example/1\n/2\n"),
    "page": (_PAGE, b"<div>" * 300 + b"<a href=x>", _PAGE.decode().encode("utf-16")),
    "sheet": (_SHEET, _SHEET.replace(b'"', b"'")),
    "mirrored": (_PAGE, _STYLED, _SHEET),
    "charset": (_PAGE, b"<meta charset=shift_jis>\x83\x65", b"\xff\xfe<\0a\0>\0"),
    "input": (
        b"https://a.example/\n# no\nb.example/x\tkey=value\n\xef\xbb\xbf",
        b'url,title\r\nhttps://a.example/,"a, ""b"""\r\n',
        b'{"url": "https://a.example/", "n": 1e400}\n[]\n{"url": 3}\n',
        gzip.compress(b"https://a.example/\n"),
    ),
    "warc": _MESSAGES,
    "record": (b"text/html; charset=UTF-8https://a.example/", b"\x1b]0;x\x07\xe2\x80\xae\0\xff"),
    "cookies": (
        b"k=v; Path=/; Domain=a.example; Max-Age=60\n__Host-s=1; Secure; Path=/\nk=w; HttpOnly",
        b"a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=.EXAMPLE\n=c; Domain=www.a.example",
        b"a=; max-age=-1\nb==; path=x; Secure; SameSite=None\n__secure-c=d; Domain=b.example",
    ),
    "dates": (
        b"120\nWed, 21 Oct 2026 07:28:00 GMT",
        b"99999999999\n",
        b"Wed, 21 Oct 2026 07:29:00 GMT\nWed, 21 Oct 2026 07:28:00 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT\nSun Nov  6 08:49:37 1994",
        b"Sun, 6 Nov 1994 08:49 +0100 (x)\n1 Jan 1 00:00:00 -2359",
    ),
    "references": (
        b"5; url='next.html'",
        b"a.png 1x, b.png 640w 480h, data:,x 2.5e1x,c.png,",
        b'<a>; rel="next nofollow"; title*=u, </b>;rel=canonical;x="\\"",<c>',
        b"noindex, crawler: nofollow, unavailable_after: 25 Jun 2026 15:00:00 PST",
    ),
}

"""A mirrored site looks as it did: what its styles refer to lies beside them."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from security.witness import Said, page, witness
from sinks.test_mirror import mirrored
from sinks.test_mirror import page as kept

CSS = "text/css"
PNG = "image/png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


def test_style_sheets_lead_to_the_files_beside_them(tmp_path: Path) -> None:
    sheet = (
        "@import '../b.css?v=1'; /* url(/p.png) */ a{b:url( /p.png )} c{d:url(\"none.png#x\")}"
        " e{f:url(data:image/png;base64,AA==)} g{h:url(#own)} i{content:'/p.png'} \xe9"
    )

    found = mirrored(
        tmp_path / "m",
        kept("/css/a", sheet.encode("latin-1"), content_type=CSS),
        kept("/b.css?v=1", "a{}", content_type=CSS),
        kept("/p.png", content_type=PNG, via=("http://a.test/old.png",)),
        kept("/c.CSS", "a{b:url(old.png)}", content_type=CSS),
    )

    assert found["a.test/css/a.css"] == (
        "@import '../b.css%40v%3D1.css'; /* url(/p.png) */ a{b:url( ../p.png )}"
        ' c{d:url("http://a.test/css/none.png#x")}'
        " e{f:url(data:image/png;base64,AA==)} g{h:url(#own)} i{content:'/p.png'} \xe9"
    )
    assert found["a.test/c.CSS"] == "a{b:url(p.png)}"


def test_so_do_styles_of_a_page_by_its_base(tmp_path: Path) -> None:
    html = (
        "<base href=/x/><style>@import 'a.css'; p{b:url(p.png)}</style>"
        "<p style='b:url(&quot;p.png&quot;) /* &eacute; */' title='url(p.png)'>url(p.png)"
        '<i style=b:url(p.png)><b style="c:url(\u00e9.png)"><script>url(p.png)</script>'
    )

    found = mirrored(
        tmp_path / "m",
        kept("/", html),
        kept("/x/a.css", content_type=CSS),
        kept("/x/p.png", content_type=PNG),
        kept("/x/%C3%A9.png", content_type=PNG),
    )

    assert found["a.test/index.html"].encode("latin-1").decode() == (
        "<base href=./><style>@import 'x/a.css'; p{b:url(x/p.png)}</style>"
        "<p style='b:url(&quot;x/p.png&quot;) /* \u00e9 */' title='url(p.png)'>url(p.png)"
        "<i style=b:url(x/p.png)>"
        '<b style="c:url(x/%25C3%25A9.png)"><script>url(p.png)</script>'
    )


def test_a_second_run_changes_no_style_twice(tmp_path: Path) -> None:
    sheet = kept("/css/a.css", "a{b:url(/p.png)} c{d:url(/late.png)}", content_type=CSS)
    picture, late = (kept(f"/{name}.png", content_type=PNG) for name in ("p", "late"))
    at_once = mirrored(tmp_path / "once", sheet, picture, late)

    mirrored(tmp_path / "m", sheet, picture)
    in_parts = mirrored(tmp_path / "m", late, mode="resume")

    assert in_parts == at_once
    assert at_once["a.test/css/a.css"] == "a{b:url(../p.png)} c{d:url(../late.png)}"


def test_what_a_browser_checks_of_a_server_it_does_not_check_of_a_file(tmp_path: Path) -> None:
    html = (
        '<link rel=stylesheet integrity="sha256-x" href=/a.css crossorigin>'
        '<link rel=stylesheet integrity="sha256-x" href=//b.test/a.css crossorigin=anonymous>'
    )

    found = mirrored(tmp_path / "m", kept("/", html), kept("/a.css", content_type=CSS))

    assert found["a.test/index.html"] == (
        '<link rel=stylesheet data-integrity="sha256-x" href=a.css data-crossorigin>'
        '<link rel=stylesheet integrity="sha256-x" href=http://b.test/a.css crossorigin=anonymous>'
    )


def test_styles_in_an_encoding_that_is_not_ascii_stay_as_they_are(tmp_path: Path) -> None:
    sheet = "a{b:url(/p.png)}".encode("utf-16")

    found = mirrored(tmp_path / "m", kept("/a.css", sheet, content_type=CSS))

    assert found["a.test/a.css"].encode("latin-1") == sheet


def _picture(width: int) -> bytes:
    """A PNG (https://www.w3.org/TR/png/), so many pixels wide and one high."""
    row = b"\0" + b"\xff\0\0" * width
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(row)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


# Each element is as wide as the picture that was put into it.
WIDTHS = {"sheet": 11, "imported": 13, "block": 17, "attribute": 19, "escaped": 23}
HTML = """<!doctype html><title>Home</title><link rel=stylesheet href=/css/a.css crossorigin>
<style>#block { content: url("/p/17.png") }</style>
<p><i id=sheet></i><i id=imported></i><i id=block></i><i id=attribute
 style="content: url(&quot;/p/19.png&quot;)"></i><i id=escaped></i><script>
addEventListener("load", async () => {
  const found = {};
  for (const one of document.querySelectorAll("i")) found[one.id] = one.offsetWidth;
  found.font = (await document.fonts.load("12px Mirrored").catch(() => [])).length;
  const out = document.createElement("pre");
  out.id = "out"; out.textContent = JSON.stringify(found); document.body.append(out);
});</script>"""
SHEET = r"""@import url("more/b.css"); /* url(/none.png) */
@font-face { font-family: Mirrored; src: url(../f/font.ttf) format("truetype") }
#sheet { content: url( ../p/11.png ) } #escaped { content: \75 rl("../p/\32 3.png") }"""
FONTS = (Path("/usr/share/fonts/truetype/liberation"), Path("/usr/share/fonts/truetype/dejavu"))


def _font() -> bytes:
    found = [path for folder in FONTS for path in sorted(folder.glob("*.ttf"))]
    return found[0].read_bytes() if found else b""


def _site(said: Said) -> bytes:
    files = {
        "/": ("text/html", HTML),
        "/css/a.css": (CSS, SHEET),
        "/css/more/b.css": (CSS, "#imported { content: url(../../p/13.png) }"),
        "/f/font.ttf": ("font/ttf", _font()),
        **{f"/p/{width}.png": (PNG, _picture(width)) for width in WIDTHS.values()},
    }
    kind, body = files.get(said.path, ("", ""))
    return page(body, f"Content-Type: {kind}", status="200 OK" if kind else "404 Not Found")


@pytest.mark.timeout(60)
def test_a_mirrored_site_looks_the_same_from_the_disk(tmp_path: Path, crawl) -> None:
    with witness(_site) as server:
        url = f"http://127.0.0.1:{server.port}/"
        done = crawl(url, "--follow", "--requisites", "--mirror", str(tmp_path / "m"))
        assert done.returncode == 0, done.stderr
        asked = {said.path for said in server.said}
    home = tmp_path / "m" / f"127.0.0.1_{server.port}" / "index.html"

    assert asked == {"/", "/robots.txt", "/css/a.css", "/css/more/b.css", "/f/font.ttf",
                     *(f"/p/{width}.png" for width in WIDTHS.values())}  # fmt: skip
    assert not list(re.finditer(r"http://127", "".join(_texts(tmp_path))))
    if not CHROMIUM:
        pytest.skip("there is no Chromium here (apt-get install chromium)")
    shown = subprocess.run(
        [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=3000", "--dump-dom",
         home.as_uri()],
        capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    found = re.search(r'<pre id="out">(\{.*?\})</pre>', shown.stdout)
    assert found, shown.stderr[-2000:]
    seen = json.loads(found[1])
    assert seen.pop("font") == (1 if _font() else 0)
    assert seen == WIDTHS


def _texts(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.rglob("*") if path.suffix in {".css", ".html"}]


def test_what_has_no_quotes_stays_one_value(tmp_path: Path) -> None:
    html = "<p style=a&#32;b:url(/p.png)><img srcset=p.png&#9;2x,&#32;none.png src=p.png>"

    found = mirrored(tmp_path / "m", kept("/", html), kept("/p.png", content_type=PNG))

    assert found["a.test/index.html"] == (
        "<p style=a&#32;b:url(p.png)><img srcset=p.png&#9;2x,&#32;http://a.test/none.png src=p.png>"
    )


def test_markup_in_the_style_of_a_drawing_is_left_alone(tmp_path: Path) -> None:
    html = "<svg><style>url(<a>/p.png)</style></svg><style>a{b:url(/p.png)} /* < */</style>"

    found = mirrored(tmp_path / "m", kept("/", html), kept("/p.png", content_type=PNG))

    assert found["a.test/index.html"] == html.replace("b:url(/p.png)", "b:url(p.png)")

"""The page of a comparison: whole, harmless, and readable where people read it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from crawler.comparison import Comparison, Difference, Run, Stretch, dump
from crawler.report_page import page

EVIL = "</title><script>alert(1)</script>\x1b[31m\u202e'\"onload=x"


def run(engine: str, wall: float, *, concurrency: int = 50, **fields: object) -> Run:
    each = wall / 4
    made = Run(
        engine=engine,
        concurrency=concurrency,
        wall=wall,
        cpu=0.02,
        rss_bytes=25_000_000,
        ok=4,
        failed=0,
        body_bytes=100,
        user=0.015,
        system=0.005,
        voluntary=10,
        involuntary=2,
        syscalls=100,
        latency=(0.1, 0.1, 0.12),
        timeline=tuple(
            Stretch(number, number * each, 0.0, 0.001, 0.002, 0.0, each / 2, 0.001)
            for number in range(4)
        ),
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # names are the test's business


PLAIN = Comparison(
    what="4 pages",
    requests=4,
    runs=(
        run("sequential", 20.0, concurrency=1),
        run("epoll", 0.4),
        run("nonblocking", 0.4, cpu=0.4),
    ),
    command="crawl compare",
    machine="a machine",
    counted_by="strace 6.1",
)


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(comparison: Comparison) -> Seen:
    parser = Seen()
    parser.feed(page(comparison))
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_needs_nothing_from_outside() -> None:
    shown = page(PLAIN)

    assert "http://" not in shown
    assert "https://" not in shown
    assert "<script" not in shown
    assert "url(" not in shown
    assert "default-src 'none'" in shown


def test_everything_that_was_measured_is_on_it() -> None:
    text = seen(PLAIN).text

    for part in ("sequential", "epoll", "20.0 s", "0.40 s", "23.8 MiB", "strace 6.1", "a machine"):
        assert part in text, part
    assert "times as much" in text


def test_what_comes_from_outside_is_text_and_nothing_else() -> None:
    hostile = replace(
        PLAIN,
        what=EVIL,
        command=EVIL,
        machine=EVIL,
        hosts=(EVIL,),
        absent=((EVIL, EVIL),),
        versions=((EVIL, EVIL),),
        differences=(Difference(EVIL, ((EVIL, EVIL),), volatile=False),),
        runs=(run("epoll", 0.4, failed=1, codes=((EVIL, 1),)), run(EVIL, 0.5)),
        counted_by=EVIL,
    )

    found = seen(hostile)

    assert "script" not in found.tags
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text


def test_where_some_are_far_longer_the_others_have_a_figure_of_their_own() -> None:
    runs = (*PLAIN.runs, run("sequential+urllib", 21.0, concurrency=1))

    assert (
        "wall time, without sequential, sequential+urllib" in seen(replace(PLAIN, runs=runs)).text
    )


def test_a_fetch_is_drawn_by_its_phases() -> None:
    shown = page(PLAIN)

    assert all(f'<path class="{phase}"' in shown for phase in ("dns", "connect", "wait", "receive"))
    assert '<path class="tls"' not in shown


def test_system_calls_that_were_not_counted_are_said_to_be_so() -> None:
    bare = tuple(replace(one, syscalls=None) for one in PLAIN.runs)

    text = seen(replace(PLAIN, runs=bare, counted_by="", uncounted="no strace here")).text

    assert "System calls were not counted: no strace here." in text


def test_a_sweep_is_drawn_as_lines_and_says_how_many_are_enough() -> None:
    walls = {1: 20.0, 10: 2.0, 50: 0.42, 100: 0.4}
    runs = tuple(run("epoll", wall, concurrency=at, ok=200) for at, wall in walls.items())

    shown = page(replace(PLAIN, runs=runs))

    assert "epoll: 50 at once" in shown
    assert 'class="dot multiplexing marked"' in shown
    assert len(re.findall(r'class="dot multiplexing', shown)) == 12


@pytest.mark.parametrize("runs", [PLAIN.runs[:1], (run("uring", 0.0, cpu=0.0, timeline=()),)])
def test_one_engine_alone_or_nothing_to_draw_is_a_page_too(runs: tuple[Run, ...]) -> None:
    assert runs[0].engine in seen(replace(PLAIN, runs=runs)).text


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

_MEASURE = """<script>
addEventListener("load", () => {
  const wide = document.documentElement.scrollWidth;
  const over = [...document.querySelectorAll("body *")].filter(
    (one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".wide")).length;
  const small = [...document.querySelectorAll("td, th, p, span, li")].filter(
    (one) => parseFloat(getComputedStyle(one).fontSize) < 11).length;
  const style = getComputedStyle(document.body);
  document.title = JSON.stringify({wide, inner: innerWidth, over, small,
    ink: style.color, paper: style.backgroundColor,
    bars: [...document.querySelectorAll(".bars i")].filter((one) => one.offsetHeight > 5).length,
    drawn: [...document.querySelectorAll("details[open] svg")].filter(
      (one) => one.getBoundingClientRect().width > 100).length});
});
</script>"""


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """What Chromium made of the page, at a width, in the light or in the dark."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium here (apt-get install chromium)")

    def look(comparison: Comparison, width: int, *, dark: bool = False) -> dict[str, object]:
        whole = page(comparison).replace("default-src 'none'", "default-src 'unsafe-inline'")
        if dark:
            whole = whole.replace("(prefers-color-scheme: dark)", "all")
        file = tmp_path / "page.html"
        inner = whole.replace("</head>", f"{_MEASURE}</head>")
        (tmp_path / "inner.html").write_text(inner)
        # A window of Chromium is never narrower than 500 pixels: a frame is.
        file.write_text(
            f"<iframe id=f src=inner.html width={width} height=900 style='border:0'></iframe>"
            "<pre id=out></pre><script>setInterval(() => { const inner ="
            " document.getElementById('f').contentDocument; if (inner && inner.title[0] === '{')"
            " document.getElementById('out').textContent = inner.title; }, 20);</script>"
        )
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}",
             "--virtual-time-budget=3000", "--window-size=1500,1000", "--dump-dom", file.as_uri()],
            capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip
        found = re.search(r'<pre id="out">(\{.*?\})</pre>', done.stdout)
        assert found, done.stderr[-2000:]
        told: dict[str, object] = json.loads(found[1].replace("&quot;", '"'))
        return told

    return look


@pytest.mark.timeout(60)
@pytest.mark.parametrize("width", [400, 1400])
def test_in_a_browser_nothing_is_cut_off(
    opened: Callable[..., dict[str, object]], width: int
) -> None:
    names = ("threads", "processes+requests", "gevent+socket", "generators", "uring", "sigio")
    spread = (run("processes+urllib", 0.41, rss_bytes=rss) for rss in (211 << 20, 212_345_678))
    runs = (*PLAIN.runs, *(run(name, 0.41) for name in names), *spread)

    told = opened(replace(PLAIN, runs=runs, command="crawl compare " + "x" * 300), width)

    assert told["inner"] == width
    assert width - 20 <= int(str(told["wide"])) <= width  # beside a scroll bar
    assert told["over"] == 0
    assert told["small"] == 0
    assert int(str(told["bars"])) > 30
    assert told["drawn"] == 2


@pytest.mark.timeout(60)
def test_in_the_dark_the_page_is_dark(opened: Callable[..., dict[str, object]]) -> None:
    def light(colour: object) -> int:
        return sum(map(int, re.findall(r"\d+", str(colour))[:3]))

    told = opened(PLAIN, 800, dark=True)

    assert light(told["paper"]) < 150 < 600 < light(told["ink"])


def test_the_page_of_a_loaded_comparison_is_the_same() -> None:
    from crawler.comparison import load

    assert page(load(dump(PLAIN))) == page(PLAIN)

"""No name that a server or a page gives becomes a file outside of the folder that was named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from security.witness import Said, Witness, page, witness

PATHS = (
    "/../../../../escaped", "/..%2f..%2f..%2fescaped", "/%2e%2e/%2e%2e/%2e%2e/escaped",
    "/..%5c..%5cescaped", "/..\\..\\escaped", "/....//....//escaped", "/a/..;/..;/escaped",
    "//etc/passwd", "/%2fetc%2fpasswd", "/C:/escaped", "/C:%5cescaped", "/%00escaped", "/a%00.html",
    "/.", "/..", "/%2e", "/.htaccess", "/.ssh/authorized_keys", "/~root", "/CON", "/con.html",
    "/aux.txt", "/NUL", "/COM1.log", "/lpt9", "/name.", "/name%20", "/a:b", "/a*b", "/a|b", "/a<b",
    "/a%22b", "/Case", "/case", "/CASE", "/caf%C3%A9", "/cafe%CC%81", "/%F0%9F%92%A9", "/%ff%fe",
    "/" + "x" * 255, "/" + "y/" * 900 + "z", "/" + "%C3%A9" * 600, "/-rf", "/--help", "/$(id)",
    "/`id`", "/;id", "/a%0aescaped", "/a%1b%5b2J", "/.crawl-mirror.sqlite", "/.crawl-mirror.draft",
    "/x?../../../../escaped", "/x?a=/../../escaped", "/x?" + "q" * 3000, "/dir", "/dir/", "/dir/x",
    "/link/escaped", "/shard", "/fifo", "/file",
)  # fmt: skip
HTML = "Content-Type: text/html"


@pytest.fixture(scope="module")
def site() -> Iterator[Witness]:
    def answer(said: Said) -> bytes:
        if said.path == "/robots.txt":
            return page("", status="404 None")
        links = "".join(f'<a href="{path}">x</a>' for path in PATHS) if said.path == "/" else ""
        return page(
            f"<p>{said.path}</p>{links}", HTML, "Content-Location: /../../escaped",
            'Content-Disposition: attachment; filename="../../../escaped"',
        )  # fmt: skip

    with witness(answer) as running:
        yield running


def _everything(folder: Path) -> dict[str, bytes]:
    """What is in the folder, links not followed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.timeout(40)
@pytest.mark.parametrize("planted", [False, True])
def test_nothing_is_written_outside(  # type: ignore[no-untyped-def]
    crawl, site: Witness, planted: bool, tmp_path: Path
) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    (outside / "folder").mkdir()
    mirror, bodies = inside / "mirror", inside / "bodies"
    host = mirror / f"127.0.0.1_{site.port}"
    host.mkdir(parents=True)
    bodies.mkdir()
    if planted:
        (host / "file.html").symlink_to(outside / "precious")
        (host / "dir").symlink_to(outside / "folder")
        (host / "case.html").hardlink_to(outside / "precious")
        (host / "link").symlink_to("../../../outside/folder")
        (mirror / ".crawl-mirror.draft").symlink_to(outside / "precious")
        os.mkfifo(host / "fifo.html")
        for shard in range(128):
            (bodies / f"{shard:02x}").symlink_to(outside / "folder")
    lines = [f"http://127.0.0.1:{site.port}{path}" for path in ("/", *PATHS)]
    (tmp_path / "urls.txt").write_text("\n".join(lines))

    runs = [
        crawl(
            str(tmp_path / "urls.txt"), "-e", "selectors", "-c", "1", "--retries", "0", "--append",
            "--follow",
            *option, env={"TMPDIR": str(inside)}, timeout=20.0,
        )
        for option in (("--mirror", str(mirror)), ("--save-dir", str(bodies)))
    ]  # fmt: skip

    assert _everything(outside) == {"precious": b"precious"}
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "inside", "urls.txt"}
    assert {path.name for path in inside.iterdir()} == {"mirror", "bodies"}
    for run in runs:
        assert "Traceback" not in run.stderr
    if planted:
        # A folder that is no folder of ours is refused, and said so.
        assert [run.returncode for run in runs] == [3, 3], [run.stderr for run in runs]
        assert (outside / "precious").stat().st_nlink == 2
        return
    assert [run.returncode for run in runs] == [0, 0], [run.stderr for run in runs]
    kept = _everything(mirror)
    assert len([body for body in kept.values() if b"<p>/" in body]) > 50
    names = {part for path in kept for part in path.split("/")}
    assert all(len(name) <= 143 and name.isascii() and name.isprintable() for name in names)
    assert not [name for name in names if name in {".", ".."} or name.endswith((".", " "))]
    assert not {name.partition(".")[0].lower() for name in names} & {"con", "aux", "nul", "com1"}
    kept_bodies = _everything(bodies)
    assert all(len(name) == 67 and set(name) <= set("0123456789abcdef/") for name in kept_bodies)
    for folder in (bodies, *bodies.iterdir()):
        assert folder.stat().st_mode & 0o022 == 0

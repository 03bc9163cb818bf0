"""Bodies as files."""

from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path

import pytest

from crawler.errors import SinkError
from crawler.sinks.bodies import Bodies


def keep(bodies: Bodies, body: bytes) -> str:
    return bodies.keep(body, sha256(body).hexdigest())


@pytest.fixture
def bodies(tmp_path: Path):
    directory = Bodies(str(tmp_path / "bodies"))
    yield directory
    directory.close()


def test_a_body_is_a_file_named_by_its_hash(tmp_path: Path, bodies: Bodies) -> None:
    name = keep(bodies, b"hello")

    path = tmp_path / "bodies" / name
    digest = sha256(b"hello").hexdigest()
    assert name == f"{digest[:2]}/{digest}"
    assert path.read_bytes() == b"hello"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_the_same_body_is_kept_once(tmp_path: Path, bodies: Bodies) -> None:
    name = keep(bodies, b"hello")
    before = (tmp_path / "bodies" / name).stat()

    keep(bodies, b"hello")

    after = (tmp_path / "bodies" / name).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_link_laid_where_the_body_goes_is_not_followed(tmp_path: Path, bodies: Bodies) -> None:
    digest = sha256(b"hello").hexdigest()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    shard = tmp_path / "bodies" / digest[:2]
    shard.mkdir()
    (shard / digest).symlink_to(victim)

    keep(bodies, b"hello")

    assert victim.read_text() == "precious"
    assert (shard / digest).read_bytes() == b"hello"
    assert not (shard / digest).is_symlink()


def test_a_link_instead_of_a_shard_is_refused(tmp_path: Path, bodies: Bodies) -> None:
    digest = sha256(b"hello").hexdigest()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "bodies" / digest[:2]).symlink_to(elsewhere)

    with pytest.raises(SinkError, match="cannot keep a body"):
        keep(bodies, b"hello")

    assert list(elsewhere.iterdir()) == []


def test_a_damaged_body_is_replaced(tmp_path: Path, bodies: Bodies) -> None:
    name = keep(bodies, b"hello")
    (tmp_path / "bodies" / name).write_bytes(b"hel")

    keep(bodies, b"hello")

    assert (tmp_path / "bodies" / name).read_bytes() == b"hello"


def test_no_draft_stays_behind(tmp_path: Path, bodies: Bodies) -> None:
    for number in range(20):
        keep(bodies, b"%d" % number)

    files = [path for path in (tmp_path / "bodies").rglob("*") if path.is_file()]
    assert len(files) == 20
    assert not any(path.name.startswith(".") for path in files)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SinkError, match="cannot keep bodies"):
        Bodies(str(tmp_path / "file"))


def test_a_directory_that_went_away_is_an_error(tmp_path: Path, bodies: Bodies) -> None:
    (tmp_path / "bodies").rmdir()

    with pytest.raises(SinkError, match="No such file or directory"):
        keep(bodies, b"hello")


def test_closing_gives_every_descriptor_back(tmp_path: Path, fds: None) -> None:
    bodies = Bodies(str(tmp_path / "bodies"))
    for number in range(20):
        keep(bodies, b"%d" % number)

    bodies.close()

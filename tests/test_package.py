"""The package from outside: light to import, honest in what it exports, errors that travel."""

from __future__ import annotations

import inspect
import pickle
import pkgutil
import subprocess
import sys

import pytest

import crawler
from crawler import errors

PUBLIC_ERRORS = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.CrawlerError)
]


def run_python(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    ).stdout.strip()


def test_importing_patches_nothing_and_loads_nothing() -> None:
    loaded = run_python(
        "import __future__, sys; before = set(sys.modules); import crawler; "
        "print(sorted(set(sys.modules) - before))"
    )

    assert eval(loaded) == ["crawler"]


def test_fetching_in_a_program_patches_nothing() -> None:
    assert (
        run_python(
            "import socket, threading; from crawler import fetch_all; "
            "list(fetch_all(['http://127.0.0.1:1/'])); "
            "print(socket.socket.__module__, threading.Thread.__module__)"
        )
        == "socket threading"
    )


def test_every_public_name_exists_and_has_a_docstring() -> None:
    assert crawler.__all__ == sorted(crawler.__all__)
    for name in crawler.__all__:
        value = getattr(crawler, name)
        assert value.__doc__ or name == "Outcome", name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ftech'"):
        _ = crawler.ftech  # type: ignore[attr-defined]


def test_no_module_has_the_name_of_a_public_function_or_of_the_standard_library() -> None:
    for module in pkgutil.walk_packages(crawler.__path__, "crawler."):
        last = module.name.rpartition(".")[2]
        assert last not in crawler.__all__, module.name
        if last not in {"__init__", "__main__"}:
            assert last not in sys.stdlib_module_names, module.name


@pytest.mark.parametrize("kind", PUBLIC_ERRORS, ids=lambda kind: kind.__name__)
def test_errors_pickle_whole(kind: type[errors.CrawlerError]) -> None:
    error = kind("what happened")
    if isinstance(error, errors.FetchError):
        error.code = "some.code"
        error.retry = "once"

    again = pickle.loads(pickle.dumps(error))

    assert type(again) is kind
    assert str(again) == "what happened"
    assert vars(again) == vars(error)


def test_a_timeout_names_its_phase() -> None:
    phases = [
        errors.FetchTimeout("", code=code).phase
        for code in ("timeout.idle", "timeout.first_byte", "connect.timeout", "dns.timeout")
    ]

    assert phases == ["idle", "first_byte", "connect", "dns"]

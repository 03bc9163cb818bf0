"""Which hosts a comparison may fetch over and over without a question."""

from __future__ import annotations

import pytest

from crawler.compared_urls import ask
from crawler.config import resolve
from crawler.errors import ConfigError

PIN = "site.example:8443:127.0.0.1"


def asked(url: str, **given: object) -> bool:
    """Whether someone has to agree before that URL is fetched."""
    try:
        ask([url], resolve(given, {}, []), times=5, yes=False)
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.9.9.9:8080/",
        "http://[::1]:8080/",
        "http://localhost/",
        "http://a.localhost/",
    ],
)
def test_this_machine_is_fetched_without_a_question(url: str) -> None:
    assert not asked(url)


@pytest.mark.parametrize(
    "url",
    ["http://site.example/", "http://127.0.0.1.example/", "http://10.0.0.1/", "http://[fe80::1]/"],
)
def test_another_host_is_asked_about(url: str) -> None:
    assert asked(url)


def test_a_pin_to_this_machine_holds_for_its_port() -> None:
    assert not asked("https://site.example:8443/", resolve=[PIN])


@pytest.mark.parametrize("url", ["http://site.example/", "https://site.example/"])
def test_a_pin_does_not_hold_for_another_port(url: str) -> None:
    assert asked(url, resolve=[PIN])


def test_one_pin_to_another_address_is_enough_to_ask() -> None:
    assert asked("https://site.example:8443/", resolve=[PIN, "site.example:8443:192.0.2.1"])


def test_a_pin_to_this_machine_in_brackets_holds() -> None:
    assert not asked("http://site.example:80/", resolve=["Site.example:80:[::1]"])


def test_behind_a_proxy_a_pin_does_not_say_who_is_fetched() -> None:
    assert asked("https://site.example:8443/", resolve=[PIN], proxy="http://127.0.0.1:3128")


def test_yes_answers_before_it_is_asked() -> None:
    ask(["http://site.example/"], resolve({}, {}, []), times=5, yes=True)

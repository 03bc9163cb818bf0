"""Which value of a setting wins, and what is said about one that cannot be used."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from crawler import config
from crawler.errors import ConfigError
from crawler.model import Limits, Network
from crawler.settings import BY_NAME, SETTINGS

PROJECT = Path(__file__).parent.parent


def toml(tmp_path: Path, text: str, name: str = "some.toml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_the_nearest_of_four_places_wins(tmp_path: Path) -> None:
    near = toml(tmp_path, "concurrency = 3\nretries = 3\nper_host = 3\n", "near.toml")
    far = toml(tmp_path, "concurrency = 4\nretries = 4\nper_host = 4\nmax_redirects = 4\n")
    environ = {"CRAWL_CONCURRENCY": "2", "CRAWL_RETRIES": "2"}

    settings = config.resolve({"concurrency": "1", "retries": None}, environ, [near, far])

    assert settings.count("concurrency") == 1
    assert settings.count("retries") == 2
    assert settings.count("per_host") == 3
    assert settings.count("max_redirects") == 4
    assert settings.text("engine") == "gevent"
    assert settings.origins["concurrency"] == "command line"
    assert settings.origins["retries"] == "environment"
    assert settings.origins["per_host"] == str(near)
    assert settings.origins["max_redirects"] == str(far)
    assert settings.origins["engine"] == "default"


def test_an_unknown_key_is_an_error_that_names_file_and_nearest(tmp_path: Path) -> None:
    path = toml(tmp_path, "concurency = 5\n")

    with pytest.raises(ConfigError) as refused:
        config.resolve({}, {}, [path])

    assert str(refused.value) == (
        f"{path}: unknown setting 'concurency'; did you mean 'concurrency'?"
    )


def test_an_unknown_variable_is_said_but_no_error() -> None:
    sentences = config.unknown_names({"CRAWL_ENGIN": "x", "CRAWL_CONFIG": "y", "HOME": "z"})

    assert sentences == ["CRAWL_ENGIN is no setting; did you mean 'CRAWL_ENGINE'?"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("concurrency = 'many'", "some.toml: concurrency: not a whole number: 'many'"),
        ("concurrency = -1", "not a whole number from 0: '-1'"),
        ("concurrency = 1.5", "not a whole number: '1.5'"),
        ("concurrency = true", "not a whole number: True"),
        ("max_time = 'soon'", "not a duration: 'soon'"),
        ("max_body = []", "not a size: \\[\\]"),
        ("header = ['X']", "not a header field: 'X'"),
        ("engine = 5", "not a text: 5"),
        ("engine = {a = 1}", "not a text"),
        ("insecure = 1", "not a flag: 1"),
        ("x =", "not TOML"),
        ("\x00", "not TOML"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        config.resolve({}, {}, [toml(tmp_path, text)])


def test_toml_may_use_numbers_or_units(tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        'max_time = 2\nread_timeout = "500ms"\nmax_body = "1Ki"\nrate = "120/m"\n'
        'fields = ["n", "url"]\nretry-on = ["429", "5xx"]\ninput = "one.txt"\n',
    )

    settings = config.resolve({}, {}, [path])

    assert settings.number("max_time") == 2
    assert settings.number("read_timeout") == 0.5
    assert settings.count("max_body") == 1024
    assert settings.number("rate") == 2
    assert settings.text("fields") == "n,url"
    assert settings.text("retry_on") == "429,5xx"
    assert settings.texts("input") == ("one.txt",)


def test_a_list_in_the_environment_has_one_item_per_line() -> None:
    settings = config.resolve({}, {"CRAWL_HEADER": "A: b, c\nD: e"})

    assert settings.texts("header") == ("A: b, c", "D: e")


def test_files_are_looked_for_here_and_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / "crawl").mkdir(parents=True)
    own = toml(home / "crawl", "", "crawl.toml")
    named = toml(tmp_path, "")
    here = tmp_path / "here"
    here.mkdir()
    toml(here, "", "crawl.toml")
    monkeypatch.chdir(here)
    environ = {"XDG_CONFIG_HOME": str(home)}

    assert config.found_files(environ) == [Path("crawl.toml"), own]
    assert config.found_files(environ, explicit=str(named))[0] == named
    assert config.found_files(environ, explicit=str(named), search=False) == [named]
    assert config.found_files(environ, search=False) == []
    with pytest.raises(ConfigError, match=r"no such file: 'gone\.toml'"):
        config.found_files(environ, explicit="gone.toml")


def test_the_defaults_are_the_librarys_defaults() -> None:
    settings = config.resolve({}, {})

    assert config.limits(settings) == Limits()
    assert config.network(settings) == Network()
    assert config.headers(settings, "1.0") == ()


def test_the_default_profile_says_what_the_code_says() -> None:
    path = PROJECT / "config" / "default.toml"

    assert config.read_file(path) == {setting.name: setting.default for setting in SETTINGS}
    assert list(tomllib.loads(path.read_text())) == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize("path", sorted((PROJECT / "config").glob("*.toml")), ids=lambda p: p.name)
def test_every_profile_can_be_used(path: Path) -> None:
    settings = config.resolve({}, {}, [path])

    config.limits(settings)
    config.network(settings)


def test_what_config_prints_reads_back_as_the_same_settings(tmp_path: Path) -> None:
    given = {"header": ['X-A: "quoted" \\ ü'], "max_time": "1.5", "insecure": True, "data": "a\tb"}
    settings = config.resolve(given, {})

    again = config.resolve({}, {}, [toml(tmp_path, config.as_toml(settings))])

    assert again.values == settings.values


def test_secrets_are_not_printed() -> None:
    settings = config.resolve(
        {"header": ["Authorization: Bearer s3cret", "X: y"], "proxy": "http://me:s3cret@p:1"}, {}
    )

    assert "s3cret" not in config.as_toml(settings)
    assert "X: y" in config.as_toml(settings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"proxy": "socks5://p:1"}, "only http:// proxies"),
        ({"proxy": "http://"}, "--proxy: not a URL"),
        ({"cacert": "/no/such"}, "--cacert: no such file: '/no/such'"),
        ({"cacert": __file__}, "--cacert: no certificates in PEM"),
        ({"ipv4": True, "ipv6": True}, "not together"),
    ],
)
def test_a_network_that_cannot_be_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config.network(config.resolve(given, {}))


def test_a_time_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="CRAWL_MAX_TIME: must be more than 0"):
        config.limits(config.resolve({}, {"CRAWL_MAX_TIME": "0"}))


def test_contact_goes_into_user_agent_and_from() -> None:
    mail = config.resolve({"contact": "me@a.test"}, {})
    page = config.resolve({"contact": "https://a.test/bot", "user_agent": "probe/2"}, {})

    assert config.headers(mail, "1.0") == (
        ("User-Agent", "concurrent-crawler/1.0 (+me@a.test)"),
        ("From", "me@a.test"),
    )
    assert config.headers(page, "1.0") == (("User-Agent", "probe/2 (+https://a.test/bot)"),)


def test_every_name_fits_all_three_places() -> None:
    for name in BY_NAME:
        assert name.isascii()
        assert name == name.lower()
        assert name.replace("_", "").isalnum()
    assert "CRAWL_CONCURRENCY" not in os.environ

"""Settings from four places, the nearest first, and what the library makes of them.

    --concurrency 8  >  CRAWL_CONCURRENCY  >  --config FILE  >  ./crawl.toml  >
    $XDG_CONFIG_HOME/crawl/crawl.toml  >  the default in settings.py

`resolve` gives one value and its origin for every setting; `limits`, `network` and `headers` turn
them into the small values the layers below take. Nothing below the command line sees settings.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from crawler import command_line, options, sinks, urls
from crawler.errors import ConfigError, InvalidURL
from crawler.model import Limits, Network
from crawler.settings import BY_NAME, SETTINGS, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crawler.settings import Setting, Value

PREFIX = "CRAWL_"
_MOST_BYTES = 1024 * 1024  # of a configuration file
_COMMA_LISTS = frozenset({"fields", "retry_on"})
_WHOLE = frozenset({Kind.COUNT, Kind.LEVEL, Kind.BYTES})
_NUMBERS = _WHOLE | {Kind.SECONDS, Kind.RATE}


class Settings:
    """The effective value of every setting, and where it came from."""

    def __init__(self, values: Mapping[str, Value], origins: Mapping[str, str]) -> None:
        self.values = dict(values)
        self.origins = dict(origins)

    def text(self, name: str) -> str:
        """The value of a TEXT."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def count(self, name: str) -> int:
        """The value of a COUNT, LEVEL or BYTES."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def number(self, name: str) -> float:
        """The value of a SECONDS or RATE."""
        value = self.values[name]
        assert isinstance(value, float)
        return value

    def flag(self, name: str) -> bool:
        """The value of a FLAG."""
        value = self.values[name]
        assert isinstance(value, bool)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """The value of a TEXTS."""
        value = self.values[name]
        assert isinstance(value, tuple)
        return value

    def error(self, name: str, message: str) -> ConfigError:
        """An error about the value of `name`, saying where it was set."""
        return ConfigError(f"{_place(name, self.origins[name])}: {message}")


def resolve(
    given: Mapping[str, object],
    environ: Mapping[str, str],
    files: Sequence[Path] = (),
) -> Settings:
    """The effective settings.

    Args:
        given: what the command line gave: texts, lists of them, True or counts; None = not given.
        environ: where ``CRAWL_*`` stands.
        files: TOML files, the one that wins first.

    Raises:
        ConfigError: an unknown key, or a value that is none.
    """
    values: dict[str, Value] = {setting.name: setting.default for setting in SETTINGS}
    origins = dict.fromkeys(values, "default")
    for path in reversed(files):
        for name, value in read_file(path).items():
            values[name], origins[name] = value, str(path)
    for setting in SETTINGS:
        name = setting.name
        written = environ.get(PREFIX + name.upper())
        if written is not None:
            values[name] = _read(setting, written, "environment")
            origins[name] = "environment"
        argument = given.get(name)
        if argument is not None:
            values[name] = _read(setting, argument, "command line")
            origins[name] = "command line"
    return Settings(values, origins)


def unknown_names(environ: Mapping[str, str]) -> list[str]:
    """A sentence for every ``CRAWL_*`` variable that is no setting."""
    known = {PREFIX + name.upper() for name in (*BY_NAME, "config", "no_config")}
    return [
        f"{name} is no setting{_nearest(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known
    ]


def found_files(
    environ: Mapping[str, str], *, explicit: str = "", search: bool = True
) -> list[Path]:
    """The configuration files to read, the one that wins first.

    Raises:
        ConfigError: `explicit` does not exist.
    """
    files = []
    if explicit:
        if not Path(explicit).is_file():
            raise ConfigError(f"--config: no such file: {explicit!r}")
        files.append(Path(explicit))
    if search:
        home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")) / ".config")
        own = (Path("crawl.toml"), Path(home) / "crawl" / "crawl.toml")
        files += [path for path in own if path.is_file()]
    return files


def read_file(path: Path) -> dict[str, Value]:
    """The settings in a TOML file. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ConfigError(f"{path}: larger than {_MOST_BYTES} bytes, so no configuration")
        table = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    values: dict[str, Value] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in BY_NAME:
            raise ConfigError(f"{path}: unknown setting {key!r}{_nearest(name, BY_NAME)}")
        values[name] = _read(BY_NAME[name], value, str(path))
    return values


def limits(settings: Settings) -> Limits:
    """What one exchange may cost."""
    for name in ("max_time", "max_url_time", "dns_timeout", "connect_timeout",
                 "first_byte_timeout", "read_timeout"):  # fmt: skip
        if settings.number(name) <= 0:
            raise settings.error(name, f"must be more than 0, not {settings.number(name):g}")
    return Limits(
        timeout=settings.number("max_time"),
        total=settings.number("max_url_time"),
        dns=settings.number("dns_timeout"),
        connect=settings.number("connect_timeout"),
        first_byte=settings.number("first_byte_timeout"),
        idle=settings.number("read_timeout"),
        min_rate=settings.count("min_speed"),
        max_bytes=settings.count("max_body"),
        retries=settings.count("retries"),
        capture=any(map(sinks.is_warc, settings.texts("output"))),
    )


def network(settings: Settings) -> Network:
    """How connections are made. Raises ConfigError."""
    proxy = settings.text("proxy")
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    if proxy and not proxy.lower().startswith("http://"):
        shown = urls.without_user(proxy, is_url=False)
        raise settings.error("proxy", f"only http:// proxies are supported, not {shown}")
    if proxy:
        try:
            urls.canonical(proxy)
        except InvalidURL:
            shown = urls.without_user(proxy, is_url=False)
            raise settings.error("proxy", f"not a URL: {shown}") from None
    ca_file = Path(settings.text("cacert")) if settings.text("cacert") else None
    if ca_file is not None:
        _check_certificates(settings, ca_file)
    if settings.flag("ipv4") and settings.flag("ipv6"):
        raise settings.error("ipv6", "not together with --ipv4")
    return Network(
        proxy=proxy,
        verify=not settings.flag("insecure"),
        ca_file=ca_file,
        resolve=tuple(options.resolve(text) for text in settings.texts("resolve")),
        family=4 if settings.flag("ipv4") else 6 if settings.flag("ipv6") else 0,
    )


def _check_certificates(settings: Settings, path: Path) -> None:
    import ssl

    try:
        ssl.create_default_context(cafile=str(path))
    except FileNotFoundError:
        raise settings.error("cacert", f"no such file: {str(path)!r}") from None
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise settings.error("cacert", f"no certificates in PEM: {str(path)!r}") from error


def headers(settings: Settings, version: str) -> tuple[tuple[str, str], ...]:
    """The fields sent with every request, beside the defaults. Raises ConfigError."""
    fields = [options.header(line) for line in settings.texts("header")]
    user = options.user(settings.text("user"))
    if user and not any(name.lower() == "authorization" for name, _ in fields):
        fields.insert(0, ("Authorization", user))
    agent, contact = settings.text("user_agent"), settings.text("contact")
    if contact:
        agent = f"{agent or f'concurrent-crawler/{version}'} (+{contact})"
        if "@" in contact and "://" not in contact:
            fields.insert(0, ("From", contact))
    if agent:
        fields.insert(0, ("User-Agent", agent))
    try:
        return tuple(options.header(f"{name}: {value}") for name, value in fields)
    except ValueError as error:
        raise settings.error("user_agent" if not contact else "contact", str(error)) from error


def as_toml(settings: Settings) -> str:
    """The effective settings as a configuration file, each with its origin; secrets masked."""
    lines = []
    for setting in SETTINGS:
        value = settings.values[setting.name]
        if setting.name == "header" and isinstance(value, tuple):
            value = tuple(command_line.masked_field(line) for line in value)
        if setting.name == "user" and isinstance(value, str):
            value = command_line.masked_user(value)
        if setting.name == "proxy" and isinstance(value, str):
            value = urls.without_user(value, is_url=False)
        left = f"{setting.name} = {toml_value(value)}"
        lines.append(f"{left:<40}  # {settings.origins[setting.name]}")
    return "\n".join(lines) + "\n"


def toml_value(value: Value) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + re.sub(r'[\x00-\x1f\x7f"\\]', lambda m: f"\\u{ord(m[0]):04x}", value) + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return repr(value)


def _read(setting: Setting, written: object, origin: str) -> Value:
    """`written`, as text or as TOML's or the command line's own type, as the setting's value."""
    try:
        if isinstance(written, str):
            if setting.kind is Kind.TEXTS and origin != "environment":
                return setting.read_all([written])
            return setting.read(written)
        if isinstance(written, list | tuple) and all(isinstance(item, str) for item in written):
            if setting.kind is Kind.TEXTS:
                return setting.read_all(list(written))
            if setting.name in _COMMA_LISTS:
                return setting.read(",".join(written))
        return _number(setting, written)
    except ValueError as error:
        raise ConfigError(f"{_place(setting.name, origin)}: {error}") from error


def _number(setting: Setting, written: object) -> Value:
    kind = setting.kind
    if isinstance(written, bool):
        if kind is Kind.FLAG:
            return written
    elif isinstance(written, int | float) and kind in _NUMBERS:
        return setting.read(str(written) if kind in _WHOLE else repr(float(written)))
    raise ValueError(f"not a {kind.value}: {written!r}")


def _place(name: str, origin: str) -> str:
    if origin in {"command line", "default"}:
        return "--" + name.replace("_", "-")
    if origin == "environment":
        return PREFIX + name.upper()
    return f"{origin}: {name}"


def _nearest(name: str, known: Mapping[str, object] | set[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""

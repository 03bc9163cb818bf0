"""No bound and no pin lies below the version that mended a known vulnerability.

The table is kept by hand: an advisory that concerns us becomes a row, and the bound follows.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FLOORS = {
    "urllib3": ("2.8.0", "CVE-2025-66418, CVE-2025-66471, CVE-2026-21441, CVE-2026-44432"),
    "requests": ("2.34.2", "CVE-2024-35195, CVE-2024-47081"),
    "soupsieve": ("4.0.1", "CVE-2026-126189, CVE-2026-126190"),
    "brotli": ("1.2.0", "CVE-2025-6176"),
    "backports.zstd": ("1.3", "an output limit that holds"),
    "gevent": ("23.9", "CVE-2023-41419"),
    "h11": ("0.16", "CVE-2025-43859"),
    "pyarrow": ("14.0.1", "CVE-2023-47248"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "idna": ("3.7", "CVE-2024-3651"),
}


def parts(version: str) -> list[int]:
    """The numbers of a version."""
    return [int(part) for part in version.split(".") if part.isdigit()]


def bounds() -> dict[str, str]:
    """The lower bound of each requirement, in all extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *(wanted for extra in extras for wanted in extra)]
    found = (re.match(r"([\w.-]+).*?>=([\d.]+)", requirement) for requirement in wanted)
    return {each[1].lower(): each[2] for each in found if each}


def pins() -> dict[str, str]:
    """What the tests run with."""
    lines = (PROJECT / "constraints.txt").read_text().lower().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_with_a_known_vulnerability_is_taken(name: str) -> None:
    floor, advisory = FLOORS[name]
    given = [version for version in (bounds().get(name), pins()[name]) if version]

    assert all(parts(version) >= parts(floor) for version in given), (given, advisory)


def test_what_is_installed_by_a_user_has_a_bound() -> None:
    assert FLOORS.keys() - bounds().keys() == {"idna"}  # it comes with requests

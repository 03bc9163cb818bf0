"""The cases of the http-state working group, which wrote RFC 6265, against the jar.

The file is read from the folder that CRAWLER_SUITES names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from suites.suite import Suite, rows

from crawler import urls
from crawler.cookies import Jar

CONTROL = "a control character was cut off then; browsers drop the whole cookie now (6265bis 5.6)"
RULED = {
    "httpstate/DISABLED_CHROMIUM0022": CONTROL,
    "httpstate/DISABLED_CHROMIUM0023": CONTROL,
    "httpstate/DISABLED_PATH0029": "paths are compared as they are spelled (RFC 6265 5.1.4)",
}


def agrees(case: dict[str, Any]) -> bool:
    now = datetime.fromisoformat(case["now"]).timestamp()
    jar = Jar(clock=lambda: now)
    for step in case["steps"]:
        url = urls.canonical(step["url"])
        if step["op"] == "set":
            jar.take(url, step["set_cookie"])
        elif jar.header(url) != step["expect"]:
            return False
    return True


def run() -> dict[str, bool]:
    return {case["id"]: agrees(case) for case in rows("cookies_httpstate")}


SUITES = [Suite("cookies_httpstate", 219, run, RULED)]


def test_cookies_are_given_as_the_working_group_agreed() -> None:
    SUITES[0].check()

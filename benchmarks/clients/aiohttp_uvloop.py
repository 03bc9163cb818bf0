"""The same as aiohttp_session.py, on uvloop."""

import uvloop

uvloop.install()

import aiohttp_session  # noqa: E402, F401  # after the loop's policy

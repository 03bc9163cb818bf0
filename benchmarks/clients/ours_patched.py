"""This project's own fetch_all, with an engine that needs gevent's patch: the two lines first."""

from gevent import monkey  # noqa: TID251  # a program of its own may patch itself

monkey.patch_all()

import ours  # noqa: E402, F401  # after the patch

"""Fetches what stdin asks for, in a process that gevent patched, and prints the codes as JSON.

stdin: {engine, requests: [[url, fields, method, body]], network, follow, crawl}.
"""

import json
import sys

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()

from security.asked import codes

if __name__ == "__main__":
    json.dump(codes(json.load(sys.stdin)), sys.stdout)

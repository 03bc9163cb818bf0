"""URLs on stdin, fetched by two sigio engines at once, neither of them in the main thread."""

import sys
import threading

from crawler import fetch_all

if __name__ == "__main__":
    urls = sys.stdin.read().split()
    fetched = []

    def fetch():
        fetched.extend(outcome.ok for outcome in fetch_all(urls, engine="sigio", concurrency=10))

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(fetched))

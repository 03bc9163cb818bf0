"""`python -m crawler`, and the console script `crawl`.

Nothing is imported before it is known what for: the child of a comparison must not carry the
command line's modules in its memory, and a patched process patches before anything else.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    if sys.argv[1:2] == ["measure"]:
        from crawler.measuring import main as measure

        measure()
        return
    from crawler.cli import main as crawl

    crawl()


if __name__ == "__main__":
    main()

"""A crawl of which one call fails: ENGINE FORM KIND PLACE FOLDER URLS... See tests/faults/.

Prints, as JSON, what the crawl left. The exit code is the crawl's.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    if sys.argv[1].startswith("gevent"):
        from gevent import monkey

        monkey.patch_all()
    sys.path.insert(0, str(Path(__file__).parents[1]))

    from faults.trial import perform

    ENGINE, FORM, KIND, PLACE, FOLDER, *URLS = sys.argv[1:]
    perform(FORM, URLS, Path(FOLDER), ENGINE, at=PLACE, kind=KIND)

"""The sections of docs/engines.md, one for each engine: what `crawl engines --explain` prints.

crawler/engines.md is that file, by a link in the repository and by its content in a wheel.
"""

from __future__ import annotations

import re
from importlib.resources import files

from crawler import engines

_BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


def section(name: str) -> str:
    """What the page says of the engine, as plain text; a transport in the name is of no matter.

    Raises:
        EngineUnavailable: there is no engine of that name.
    """
    engines.needs_patch(name)  # raises for a name that does not exist
    engine = name.partition("+")[0]
    text = (files("crawler") / "engines.md").read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n## {engine}:")
    body, _, _ = rest.partition("\n## ")
    heading, _, said = body.strip().partition("\n")
    title = f"{engine}: {heading.strip()}"
    plain = _BOLD.sub(r"\1", said.strip()).replace("`", "")
    return f"{title}\n{'=' * len(title)}\n\n{plain}\n"

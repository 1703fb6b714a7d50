"""Writes the reference pages that say again what the code says, or checks that they do.

    python scripts/make_docs.py           writes them
    python scripts/make_docs.py --check   exits with 1 where one is not what it would write

`docs/commands.md` is made of click's help, `docs/settings.md` of the settings' models, and the
tables of `docs/graph.md` of `graphs/graph.schema.json`, with a meaning for each key from
`scripts/reference/graph_words.py`.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from reference.commands import commands_page
from reference.graph import graph_page
from reference.settings import settings_page

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main() -> int:
    """The exit status."""
    pages = {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "graph.md": graph_page((DOCS / "graph.md").read_text(encoding="utf-8")),
    }
    stale = []
    for name, text in pages.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"not as the code says: {', '.join(stale)}; run python scripts/make_docs.py")
        return 1
    print(f"written: {', '.join(stale)}" if stale else "all as the code says")
    return 0


if __name__ == "__main__":
    sys.exit(main())

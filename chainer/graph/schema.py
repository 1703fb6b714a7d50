"""The JSON Schema of the graph file, generated from the models.

Run `python -m chainer.graph.schema` to write `graphs/graph.schema.json` anew; a test keeps
the two equal. The schema cannot say what `check.py` checks.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from chainer.graph.model import GraphFile

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "graphs" / "graph.schema.json"
"""Where the schema is kept in the repository."""


def graph_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the current version of the graph file."""
    schema = GraphFile.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "chainer graph file",
        **{name: value for name, value in schema.items() if name != "title"},
    }


def schema_text() -> str:
    """The schema as the file in the repository has it."""
    return json.dumps(graph_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> None:
    """Write the schema to the file named, or to its place in the repository."""
    file = Path(arguments[0]) if arguments else SCHEMA_FILE
    file.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

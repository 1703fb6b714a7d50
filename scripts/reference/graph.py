"""The tables of the graph format, from its JSON Schema."""

import json
from pathlib import Path
from typing import Any

from reference.graph_words import MEANINGS

SCHEMA = Path(__file__).resolve().parents[2] / "graphs" / "graph.schema.json"
BEGIN = "<!-- Made by scripts/make_docs.py from graphs/graph.schema.json: -->\n"

_ORDER = (
    "GraphInfo", "Atom", "Slot", "Appearance", "Story", "Dialogue", "Take", "Trim", "AtomSound",
    "Rights", "Music", "Edge", "Joint", "Character", "Place", "Series", "Episode", "Chapter", "Bed",
)  # fmt: skip


def graph_page(now: str) -> str:
    """The page with its tables made anew; what stands before them is kept."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    types = {name: one for name, one in schema["$defs"].items() if "properties" in one}
    words = {name: one for name, one in schema["$defs"].items() if "enum" in one}
    missing = set(types) ^ set(_ORDER)
    if missing:
        raise SystemExit(f"scripts/reference/graph.py does not order {sorted(missing)}")
    parts = [now.partition(BEGIN)[0] + BEGIN]
    parts += [_table("The file", {**schema, "description": _FILE}, MEANINGS["File"], words)]
    for name in _ORDER:
        parts.append(_table(name, types[name], MEANINGS.get(name, {}), words))
    return "\n".join(parts)


def _table(name: str, one: dict[str, Any], meanings: dict[str, str], words: dict[str, Any]) -> str:
    unknown = set(meanings) ^ set(one["properties"])
    if unknown:
        raise SystemExit(
            f"scripts/reference/graph_words.py: {name} has, or lacks, {sorted(unknown)}"
        )
    needed = one.get("required", [])
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, told in one["properties"].items():
        default = "needed" if key in needed else _default(told)
        rows.append(f"| `{key}` | {_value(told, words)} | {default} | {meanings[key]} |")
    return f"### {_HEADS.get(name, name)}\n\n{one['description']}\n\n" + "\n".join(rows) + "\n"


def _default(told: dict[str, Any]) -> str:
    value = told.get("default")
    if value is None or value in ([], {}) or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value)}`"


def _value(told: dict[str, Any], words: dict[str, Any]) -> str:
    """What kind of value a key takes, in words."""
    if "$ref" in told:
        name = told["$ref"].rpartition("/")[2]
        if name in words:
            return ", ".join(f"`{one}`" for one in words[name]["enum"])
        return f"[{_HEADS.get(name, name)}](#{_HEADS.get(name, name).lower().replace(' ', '-')})"
    if "anyOf" in told:
        kinds = [_value(one, words) for one in told["anyOf"] if one.get("type") != "null"]
        if told.get("description"):
            return told["description"].rstrip(".").lower()
        return " or ".join(dict.fromkeys(kinds))
    if "const" in told:
        return f"`{json.dumps(told['const'])}`"
    if "enum" in told:
        return ", ".join(f"`{one}`" for one in told["enum"])
    kind = told.get("type")
    if kind == "array":
        inner = told.get("items") or {}
        if "prefixItems" in told:
            return f"list of {len(told['prefixItems'])} numbers"
        return f"list of {_value(inner, words)}"
    if kind == "object":
        patterns = told.get("patternProperties") or {}
        inner = told.get("additionalProperties") or next(iter(patterns.values()), {})
        return f"object of {_value(inner, words) if isinstance(inner, dict) else 'anything'}"
    if kind == "string":
        pattern = told.get("pattern", "")
        return (
            "id"
            if pattern.startswith("^[A-Za-z0-9][A-Za-z0-9._-]")
            else _STRINGS.get(told.get("format", ""), "text")
        )
    if isinstance(kind, list):
        return " or ".join(_KINDS.get(one, one) for one in kind if one != "null")
    return _KINDS.get(kind, "anything")


_STRINGS = {"date-time": "moment"}
_KINDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "string": "text",
}
_HEADS = {
    "GraphInfo": "The graph", "AtomSound": "Sound", "Appearance": "Cast entry",
    "Dialogue": "Dialogue line",
}  # fmt: skip
_FILE = 'What `networkx.node_link_graph(json, edges="edges")` reads.'

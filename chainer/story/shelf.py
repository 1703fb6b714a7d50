"""Where templates are: those that come with chainer, and files of one's own."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from chainer.errors import Fault, GraphError, InputError
from chainer.graph.faults import Found, json_path, near_miss, shown, translate
from chainer.graph.plain import plain
from chainer.graph.written import Unreadable, read_written
from chainer.story.check import check_template
from chainer.story.template import CURRENT_TEMPLATE, Template

_HERE = Path(__file__).resolve().parents[1]
_MOST = 4 << 20


class TemplateError(InputError):
    """A template file that cannot be used; `faults` holds all that is wrong, in file order."""

    code = "template"

    def __init__(self, source: str, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        lines = "".join(f"\n  {fault}" for fault in faults)
        noun = "fault" if len(faults) == 1 else "faults"
        super().__init__(
            f"{source}: {len(faults)} {noun}{lines}",
            source=source,
            faults=[fault.as_json() for fault in faults],
        )


def bundled_folder() -> Path:
    """The folder of the templates that come with chainer: of the package, or of a checkout.

    Raises `InputError` where neither is there.
    """
    for folder in (
        _HERE / "_sample" / "graphs" / "templates",
        _HERE.parent / "graphs" / "templates",
    ):
        if folder.is_dir():
            return folder
    raise InputError("the bundled templates are missing; install chainer again", code="template")


def template_names() -> tuple[str, ...]:
    """The names of the bundled templates, in order."""
    return tuple(sorted(path.stem for path in bundled_folder().glob("*.json")))


def load_template(name: str) -> Template:
    """A bundled template by its name, or the file at a path (with a slash, or ending in .json).

    Raises `InputError` for an unknown name, `TemplateError` with every fault of the file.
    """
    if "/" in name or name.endswith(".json"):
        return read_template(Path(name))
    names = template_names()
    if name not in names:
        expected = near_miss(name, names, f"there are {', '.join(names)}, or name a .json file")
        raise InputError(
            f"there is no template {name!r}; {expected}", code="unknown-template", template=name
        )
    return read_template(bundled_folder() / f"{name}.json")


def read_template(path: Path) -> Template:
    """The template in a file. Raises `TemplateError` with every fault of it."""
    source = str(path)
    try:
        data = read_written(path, "template", _MOST, "split it")
    except Unreadable as error:
        raise TemplateError(source, [Fault("$", *error.words)]) from error.__cause__
    return parse_template(data, source)


def parse_template(data: object, source: str) -> Template:
    """The template in JSON text, its bytes, or plain values. Raises `TemplateError`."""
    try:
        value, found = plain(data, source)
    except GraphError as error:
        raise TemplateError(source, list(error.faults)) from error
    if not isinstance(value, dict):
        fault = Fault("$", f"{shown(value)} is no template", "give a JSON object", "json")
        raise TemplateError(source, [fault])
    version = value.get("schema")
    if version is not None and version != CURRENT_TEMPLATE:
        expected = f"this chainer knows {CURRENT_TEMPLATE}"
        fault = Fault("$.schema", f"{shown(version)} is no schema it knows", expected, "schema")
        raise TemplateError(source, [fault])
    try:
        template = Template.model_validate(value)
    except ValidationError as error:
        found += translate(error, Template)
        raise TemplateError(source, _faults(found)) from error
    found += check_template(template)
    if found:
        raise TemplateError(source, _faults(found))
    return template


def _faults(found: list[Found]) -> list[Fault]:
    once = dict.fromkeys(found)
    return [Fault(json_path(f.loc), f.problem, f.expected, f.code) for f in once]

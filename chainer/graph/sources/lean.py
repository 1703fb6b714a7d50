"""Many atoms or edges checked at once, by the rules of the models and without making any.

Holds shapes that are made from the models themselves: the same keys, the same types, the same
rules, without `x-…` keys and without objects. They take a fifth of the time. Whatever does not fit
is given to the model itself, which accepts it or says what is wrong; so nothing is decided here
that the models would decide otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import UnionType
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic asks for it before Python 3.12

from chainer.graph.atom import Atom
from chainer.graph.edge import Edge
from chainer.graph.faults import Found, translate
from chainer.graph.file_model import EXTENSION, FileModel

Judge = Callable[[Sequence[object]], Iterator[tuple[int, list[Found]]]]
"""Takes plain values; yields the places of those at fault, with what is wrong."""


def faulty_atoms(nodes: Sequence[object]) -> Iterator[tuple[int, list[Found]]]:
    """The nodes that are no atoms, by their place among `nodes`, and why."""
    return _faulty(nodes, Atom)


def faulty_edges(edges: Sequence[object]) -> Iterator[tuple[int, list[Found]]]:
    """The same for edges."""
    return _faulty(edges, Edge)


def _faulty(values: Sequence[object], model: type[FileModel]) -> Iterator[tuple[int, list[Found]]]:
    try:
        _many(model).validate_python(values)
    except ValidationError as error:
        odd = dict.fromkeys(one["loc"][0] for one in error.errors(include_url=False))
    else:
        return
    for at in sorted(at for at in odd if isinstance(at, int)):
        try:
            model.model_validate(values[at])
        except ValidationError as error:
            yield at, translate(error, model)


_RULED_BY: dict[type[FileModel], tuple[frozenset[str], frozenset[str]]] = {
    Edge: (frozenset({"_only_a_remix_removes"}), frozenset({"removes", "joint", "changes"}))
}
"""Models whose rules hold wherever these keys are absent: the rules, and the keys."""


@cache
def _many(model: type[FileModel]) -> TypeAdapter[Any]:
    shape: Any = list[_shape(model)]  # type: ignore[misc]  # made at run time
    return TypeAdapter(shape)


@cache
def _shape(model: type[FileModel]) -> Any:
    """The shape of a model; the model itself where it has rules of its own beyond its keys."""
    rules = model.__pydantic_decorators__
    own = {*rules.model_validators} - {*FileModel.__pydantic_decorators__.model_validators}
    ruled, absent = _RULED_BY.get(model, (frozenset(), frozenset()))
    if own - ruled or rules.field_validators or rules.root_validators or rules.validators:
        return model
    keys: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.alias == EXTENSION or name in absent:
            continue
        inner = _lean(field.annotation)
        if field.metadata:
            inner = Annotated[(inner, *field.metadata)]
        keys[field.alias or name] = (Required if field.is_required() else NotRequired)[inner]
    make: Any = TypedDict
    shape = make(f"Lean{model.__name__}", keys)
    shape.__pydantic_config__ = ConfigDict(extra="forbid")
    return shape


def _lean(annotation: Any) -> Any:
    """An annotation with shapes for the models in it; tuples of many are lists in JSON."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _shape(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return list[_lean(arguments[0])]  # type: ignore[misc]  # made at run time
    if origin is UnionType or origin is Union:
        return Union[tuple(_lean(one) for one in arguments)]  # noqa: UP007 - made at run time
    return annotation

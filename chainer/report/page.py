"""The one door to Jinja: templates of this package become pages and feeds, all of it escaped.

Whatever a template prints is text of strangers until shown otherwise. Templates, styles and
scripts are ours and lie in `chainer/report/templates`; a page carries them inside and allows
nothing else to run (a Content-Security-Policy of their SHA-256).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from jinja2 import Environment

_POLICY = {
    "default-src": "'none'",
    "img-src": "'self' data:",
    "media-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What neither HTML nor XML can hold, escaped or not."""


def render_page(
    template_name: str,
    *,
    styles: Sequence[str] = ("style.css",),
    scripts: Sequence[str] = (),
    policy: Mapping[str, str] | None = None,
    **values: Any,
) -> str:
    """The text of `template_name`, a file of `chainer/report/templates`, with `values` filled in.

    Works for `.html` and `.xml` alike. Every value is escaped, and characters that no page may hold
    are left out; a name that the template uses and nobody gave is an error. `styles` and `scripts`
    are files beside the template; one that extends `base.html` carries them inside, and nothing
    else runs: no handlers and no `style` attributes. `policy` replaces or adds directives of the
    page's Content-Security-Policy, such as `{"connect-src": "'self'"}`.

    Filters besides Jinja's: `href` (a relative address from a file's name), `data_uri(type)` (bytes
    as an address), `lines` (text with its line breaks kept).
    """
    told = {**_POLICY, **(policy or {})}
    for directive, names in (("style-src", styles), ("script-src", scripts)):
        hashes = [_hash(asset(name)) for name in names]
        told[directive] = " ".join([*told.get(directive, "").split(), *hashes]) or "'none'"
    return (
        _environment()
        .get_template(template_name)
        .render(
            **values,
            page_policy="; ".join(f"{name} {value}" for name, value in told.items()),
            page_styles=list(styles),
            page_scripts=list(scripts),
        )
    )


@cache
def asset(name: str) -> str:
    """The text of a style or script of this package, as pages carry it inside."""
    return (files("chainer.report") / "templates" / name).read_text(encoding="utf-8")


def data_uri(data: bytes, media_type: str) -> str:
    """`data` as an address that needs no network."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def href(name: str) -> str:
    """A file's name as an address beside the page; never one with a scheme of its own."""
    return "./" + quote(_NOT_TEXT.sub("", name), safe="/")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def finalize(value: Any) -> Any:
        if isinstance(value, str) and not isinstance(value, Markup):
            return _NOT_TEXT.sub("", value)
        return value

    def inline(name: str) -> Markup:
        return Markup(asset(name))  # noqa: S704 - a file of this package, never a stranger's text

    def lines(text: str) -> Markup:
        return Markup("<br>").join(escape(_NOT_TEXT.sub("", one)) for one in text.splitlines())

    made = Environment(
        loader=PackageLoader("chainer.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {"data_uri": data_uri, "href": href, "lines": lines}
    made.globals["inline"] = inline
    return made

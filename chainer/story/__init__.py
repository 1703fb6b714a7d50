"""Story templates, and what a chain needs next.

Read in this order: `template.py` (the file), `casting.py` (who plays whom), `fill.py` (how it
becomes a graph), `next.py` (what is to be filmed, and what is missing).
"""

from __future__ import annotations

from chainer.story.casting import Wishes, pairs
from chainer.story.fill import example_filler, graph_text, story_graph
from chainer.story.shelf import (
    TemplateError,
    load_template,
    parse_template,
    template_names,
)
from chainer.story.template import CURRENT_TEMPLATE, Template

__all__ = [
    "CURRENT_TEMPLATE",
    "Template",
    "TemplateError",
    "Wishes",
    "example_filler",
    "graph_text",
    "load_template",
    "pairs",
    "parse_template",
    "story_graph",
    "template_names",
]

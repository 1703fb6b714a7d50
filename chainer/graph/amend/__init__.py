"""Edits of a graph file: the text keeps its form, and every edit can be taken back.

Read in this order: `change.py`, `captions.py` and `joints.py` (what may be changed), `edit.py` (how
it goes), `splice.py` (how a text keeps its form), `file.py` (how it reaches the disk).
"""

from __future__ import annotations

from chainer.graph.amend.affected import affected
from chainer.graph.amend.captions import Caption, NoCaptions, parse_caption
from chainer.graph.amend.change import (
    AtomChange,
    GainTo,
    ReplaceMedia,
    SilenceTo,
    SlotTo,
    StatusTo,
    TitleTo,
    TrimTo,
    UseTake,
)
from chainer.graph.amend.desk import Change, Edited
from chainer.graph.amend.edit import (
    edit_graph_file,
    edit_log,
    redo_edit,
    undo_edit,
)
from chainer.graph.amend.history import EntryKind, Logged, history_path
from chainer.graph.amend.joints import JointTo, parse_joint
from chainer.graph.amend.parse import parse_gain, parse_slot, parse_trim
from chainer.graph.amend.splice import splice

__all__ = [
    "AtomChange",
    "Caption",
    "Change",
    "Edited",
    "EntryKind",
    "GainTo",
    "JointTo",
    "Logged",
    "NoCaptions",
    "ReplaceMedia",
    "SilenceTo",
    "SlotTo",
    "StatusTo",
    "TitleTo",
    "TrimTo",
    "UseTake",
    "affected",
    "edit_graph_file",
    "edit_log",
    "history_path",
    "parse_caption",
    "parse_gain",
    "parse_joint",
    "parse_slot",
    "parse_trim",
    "redo_edit",
    "splice",
    "undo_edit",
]

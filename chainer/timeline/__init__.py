"""What plays when: slots, joints and the layout of pieces. Pure: nothing here reads a file."""

from chainer.timeline.joint import Joint, JointPolicy, JointWish, choose_joint
from chainer.timeline.layout import Body, JointPiece, Layout, lay_out
from chainer.timeline.slot import Slot, keyframes

__all__ = [
    "Body",
    "Joint",
    "JointPiece",
    "JointPolicy",
    "JointWish",
    "Layout",
    "Slot",
    "choose_joint",
    "keyframes",
    "lay_out",
]

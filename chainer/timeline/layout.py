"""From slots and joints to pieces: which frames and AAC packets of what play in which order.

Frames are counted at the profile's rate. Packet k of a clip's sound carries the overlapping
windows of AAC frames k-1 and k; a frame comes out right where both of its packets were made
from the same sound. So a run of packets [p, q) may follow another wherever both were made from
the same sound in frame p-1, and that is what the ranges here make sure of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainer.timebase import AAC_FRAME, AvGrid
from chainer.timeline.joint import CUT_FADE_SAMPLES, Joint, JointStyle
from chainer.timeline.slot import Slot, keyframes


@dataclass(frozen=True, slots=True)
class Body:
    """Frames [first, last) and packets [packet_first, packet_last) of slot `slot`, copied.

    `at` is the frame of the film where it starts.
    """

    slot: int
    first: int
    last: int
    packet_first: int
    packet_last: int
    at: int


@dataclass(frozen=True, slots=True)
class JointPiece:
    """New work between slots `left` and `left + 1`.

    Where it blends, its pictures are frames [left_first, left_last) of the left clip, `joint.gap`
    of black, and [0, right_last) of the right one. Elsewhere it has none of the left clip's, which
    is copied up to left_first = left_last: only `joint.made`, and [right_first, right_last) of
    the right one, up to the keyframe from which that is copied. `shift` is the place of the right
    clip's sound behind the left one's, in AAC frames. Its sound is packets [packet_first,
    packet_last), counted from the right clip's start, so that the numbers do not depend on the
    place in a film.
    """

    left: int
    joint: Joint
    left_first: int
    left_last: int
    right_first: int
    right_last: int
    shift: int
    packet_first: int
    packet_last: int
    at: int

    @property
    def frames(self) -> int:
        """Frames of picture."""
        joint = self.joint
        if not joint.style.blends:
            return joint.made + self.right_last - self.right_first
        left = self.left_last - self.left_first
        return left + joint.gap + self.right_last - joint.overlap


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole film: pieces in order, where each slot starts, and how long it all is.

    `starts[i]` is the frame at which slot i starts, `sound_starts[i]` the AAC frame its sound is
    placed at: the nearest one, so the error is at most half an AAC frame and never adds up.
    """

    slots: tuple[Slot, ...]
    joints: tuple[Joint, ...]
    pieces: tuple[Body | JointPiece, ...]
    starts: tuple[int, ...]
    sound_starts: tuple[int, ...]
    frames: int
    packets: int

    @property
    def bodies(self) -> tuple[Body, ...]:
        """The copied pieces."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Body))

    @property
    def joint_pieces(self) -> tuple[JointPiece, ...]:
        """The pieces that are new work."""
        return tuple(piece for piece in self.pieces if isinstance(piece, JointPiece))

    def seen(self, slot: int) -> tuple[int, int]:
        """Frames [first, last) of the film in which any of a slot's own pictures shows."""
        first, last = self.starts[slot], self.starts[slot] + self.slots[slot].frames
        if slot and not self.joints[slot - 1].style.blends:
            first += self.joints[slot - 1].right
        if slot < len(self.joints) and not self.joints[slot].style.blends:
            last -= self.joints[slot].left
        return first, last


def lay_out(
    slots: Sequence[Slot], joints: Sequence[Joint], grid: AvGrid, keyframe_grids: int
) -> Layout:
    """Place the slots one after another. There is one joint fewer than slots.

    Raises `ValueError` where the numbers do not fit.
    """
    if not slots or len(joints) != len(slots) - 1:
        raise ValueError(f"{len(slots)} slots cannot be joined by {len(joints)} joints")
    starts = [0]
    for slot, joint in zip(slots, joints, strict=False):
        starts.append(starts[-1] + slot.frames - joint.overlap + joint.gap)
    sound_starts = [grid.aac_frames(start) for start in starts]
    total = starts[-1] + slots[-1].frames
    total_packets = -(-grid.samples(total) // AAC_FRAME) + 1
    pieces: list[Body | JointPiece] = []
    frame, packet = 0, 0
    for index, slot in enumerate(slots):
        piece = None
        frame_end, packet_end = slot.frames, total_packets - sound_starts[index]
        if index < len(joints):
            piece = _joint_piece(
                index, slots, joints, starts, sound_starts, grid, keyframe_grids, packet
            )
            frame_end, packet_end = piece.left_first, piece.packet_first + piece.shift
        if frame_end < frame or packet_end < packet:
            raise ValueError(f"the joints of {slot.name} take more than it has")
        pieces.append(Body(index, frame, frame_end, packet, packet_end, starts[index] + frame))
        if piece is not None:
            pieces.append(piece)
            frame, packet = piece.right_last, piece.packet_last
    return Layout(
        slots=tuple(slots),
        joints=tuple(joints),
        pieces=tuple(pieces),
        starts=tuple(starts),
        sound_starts=tuple(sound_starts),
        frames=total,
        packets=total_packets,
    )


def _joint_piece(
    index: int,
    slots: Sequence[Slot],
    joints: Sequence[Joint],
    starts: Sequence[int],
    sound_starts: Sequence[int],
    grid: AvGrid,
    keyframe_grids: int,
    packet_before: int,
) -> JointPiece:
    """The piece between slot `index` and the next; its sound starts at `packet_before` or later."""
    joint, left, right = joints[index], slots[index], slots[index + 1]
    shift, here = sound_starts[index + 1] - sound_starts[index], sound_starts[index + 1]
    left_first = left.frames - joint.left
    first, last = _sound_of(joint, left, shift, grid)
    if first < packet_before - shift:
        raise ValueError(f"the joints of {left.name} take more than it has")
    # Where the next joint starts before the first keyframe, nothing of the clip is copied.
    limit = right.frames - (joints[index + 1].left if index + 1 < len(joints) else 0)
    points = (*keyframes(right.frames, grid, keyframe_grids), limit)
    if limit < joint.right:
        raise ValueError(f"the joints of {right.name} take more than it has")
    right_last = min(limit, *(point for point in points if point >= joint.right))
    if joint.style.blends:
        # On the grid the sound of the piece then starts and ends with its pictures.
        first = min(first, grid.aac_frames(starts[index] + left_first) - here)
        until = grid.aac_frames(starts[index + 1] + right_last) - here
        if index + 1 < len(joints):
            next_shift = sound_starts[index + 2] - here
            until = min(
                until, _sound_of(joints[index + 1], right, next_shift, grid)[0] + next_shift
            )
        last = max(last, until)
    return JointPiece(
        left=index,
        joint=joint,
        left_first=left_first,
        left_last=left.frames if joint.style.blends else left_first,
        right_first=0 if joint.style.blends else joint.right,
        right_last=right_last,
        shift=shift,
        packet_first=max(first, packet_before - shift),
        packet_last=last,
        at=starts[index] + left_first,
    )


def sound_change(
    style: JointStyle, right: int, sound_at: int, made: int, grid: AvGrid
) -> tuple[int, int]:
    """Where one sound goes over into the other, from the right clip's start: (first, samples).

    Not of fades: there each clip fades by itself.
    """
    first = grid.samples(sound_at)
    if style is JointStyle.CROSSFADE:
        return first, grid.samples(right)
    if made:
        return first, grid.samples(sound_at + made) - first
    return first, CUT_FADE_SAMPLES


def _sound_of(joint: Joint, left: Slot, shift: int, grid: AvGrid) -> tuple[int, int]:
    """The packets that a joint must make anew, [first, last) from the right clip's start.

    Frame first-1 is still the left clip's sound alone, frame last-1 already the right one's.
    """
    left_end = grid.samples(left.frames) - shift * AAC_FRAME
    if joint.style is JointStyle.FADE:
        start, end = left_end - grid.samples(joint.left), grid.samples(joint.right)
    else:
        # One sound is faded over the other; the left one's last samples are faded out where it
        # ends alone.
        change = sound_change(joint.style, joint.right, joint.sound_at, joint.made, grid)
        start, end = min(change[0], left_end - AAC_FRAME), sum(change)
        if joint.style is JointStyle.CROSSFADE:
            start = min(start, left_end - grid.samples(joint.left))
            end = max(end, CUT_FADE_SAMPLES)
    return start // AAC_FRAME, -(-end // AAC_FRAME) + 1

"""Where the clips of a chain come from: their own credentials, and pictures that nobody may show.

Asked of what was looked at, before anything is rendered.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chainer.consent.blocklist import BlockFault, image_faults
from chainer.episode.plan import PlannedAtom
from chainer.errors import PolicyRefused, ProvenanceError
from chainer.looker import Looker
from chainer.provenance.credential import judge, read_credential, words
from chainer.provenance.policy import Answer


def with_credentials(
    looker: Looker, atoms: Sequence[PlannedAtom]
) -> tuple[tuple[PlannedAtom, ...], tuple[str, ...]]:
    """The atoms with what their files say of their origin, each file read once ever; and remarks.

    Raises `ProvenanceError` for what the settings refuse, all such atoms together.
    """
    settings = looker.settings
    policy = settings.provenance

    def read(one: PlannedAtom) -> PlannedAtom:
        media = one.media
        credential = read_credential(
            media.path, media.digest, looker.store, policy, cancel=looker.cancel
        )
        return replace(one, credential=credential)

    with ThreadPoolExecutor(settings.pool_size, thread_name_prefix="chainer-origin") as pool:
        found = tuple(pool.map(read, atoms))
    notes, faults = [], {}
    for one in found:
        assert one.credential is not None
        answer = judge(one.credential, policy)
        if answer is Answer.REFUSE:
            faults[one.atom.id] = one.credential
        elif answer is Answer.NOTE:
            notes.append(f"{one.atom.id}: {words(one.credential)}")
    if faults:
        told = "; ".join(f"{atom}: {words(one)}" for atom, one in faults.items())
        raise ProvenanceError(
            f"refused for what their credentials say: {told}; replace the media, walk around it "
            "with --avoid atom:ID, or change `provenance` in the settings",
            code="credentials",
            atoms={atom: one.verdict.value for atom, one in faults.items()},
        )
    return found, tuple(dict.fromkeys(notes))


def refuse_pictures(looker: Looker, atoms: Sequence[PlannedAtom]) -> None:
    """Raise `PolicyRefused` where a clip or a reference shows a picture of the block list.

    Where the list names pictures by how they look, every clip is looked at, also with the memory
    switched off.
    """
    policy = looker.settings.blocklist
    if not policy.names_images:
        return
    from chainer.memory.phash import observation_hashes

    found: list[BlockFault] = []
    for one in atoms:
        hashes: frozenset[int] = frozenset()
        if policy.names_looks:
            clip = looker.clip(one.atom, one.take)
            hashes = observation_hashes(looker.memory.observation(looker.look(clip)))
        found += image_faults(policy, one.atom.id, one.media.digest, hashes)
    if found:
        raise PolicyRefused(
            "refused by the block list: " + "; ".join(fault.words for fault in found[:8]),
            code="blocklist",
            atoms=[fault.atom for fault in found],
        )

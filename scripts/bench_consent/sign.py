"""What Content Credentials cost: signing and checking a film of 60 s made of six atoms.

    python scripts/bench_consent/sign.py [--rounds N]

Makes a 720x1280 film of 60 s and six atoms with credentials, then prints as one JSON object the
seconds of wall and processor time of reading an atom, of signing the film and of checking it once
more, each the least of the rounds, and the size of the manifest. Signing reads the film again
before it gets its name, and is counted with that.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from chainer.digest import file_digest  # noqa: E402
from chainer.provenance import door  # noqa: E402
from chainer.provenance.claim import COMPOSITE, ClaimAtom, FilmClaim, FilmEdit  # noqa: E402
from chainer.provenance.credential import read_credential  # noqa: E402
from chainer.provenance.development import ANCHOR, development_certificate  # noqa: E402
from chainer.provenance.film import check_film, sign_film  # noqa: E402
from chainer.provenance.policy import ProvenancePolicy  # noqa: E402
from chainer.provenance.signer import FilmSigner, material_signer  # noqa: E402
from chainer.store import Store  # noqa: E402

ATOMS = 6


@dataclass
class Cost:
    """The least of several runs: seconds of wall and of processor time, children included."""

    wall: float = float("inf")
    cpu: float = float("inf")

    def as_json(self) -> dict[str, float]:
        return {"wall": round(self.wall, 3), "cpu": round(self.cpu, 3)}


def measure(rounds: int, work: Callable[[int], object]) -> Cost:
    found = Cost()
    for number in range(rounds):
        begun, used = time.perf_counter(), processor_seconds()
        work(number)
        found.wall = min(found.wall, time.perf_counter() - begun)
        found.cpu = min(found.cpu, processor_seconds() - used)
    return found


def processor_seconds() -> float:
    """Of this process and of the children that have ended."""
    each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in each)


def encode(target: Path, seconds: int, seed: int) -> Path:
    """A moving picture with some noise in it, at about 4 Mbit/s, and sound."""
    import imageio_ffmpeg

    argv = [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"),
        *(
            "-f",
            "lavfi",
            "-i",
            f"testsrc2=s=720x1280:r=30:d={seconds},noise=alls={20 + seed}:allf=t",
        ),
        *("-f", "lavfi", "-i", f"sine=f={300 + 50 * seed}:r=48000:d={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "4M", "-maxrate", "4M"),
        *("-bufsize", "8M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart"),
        str(target),
    ]
    subprocess.run(argv, check=True)
    return target


def sign_atom(source: Path, target: Path, signer: FilmSigner) -> Path:
    created = {"action": "c2pa.created", "digitalSourceType": COMPOSITE}
    definition = {
        "claim_generator_info": [{"name": "generator", "version": "1"}],
        "assertions": [{"label": "c2pa.actions", "created": True, "data": {"actions": [created]}}],
    }
    with source.open("rb") as read, target.open("w+b") as written:
        door.sign(
            read,
            written,
            config=door.settings("", ProvenancePolicy().ekus),
            definition=definition,
            archives=(),
            chain=signer.chain,
            algorithm=signer.algorithm,
            signature=signer.sign,
            timestamp_url=None,
        )
    return target


def main() -> int:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs, of which the least counts")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chainer-bench-") as name:
        folder = Path(name)
        store = Store(folder / "store")
        signer = material_signer(development_certificate(folder / "keys"))
        policy = ProvenancePolicy(trust_anchors=folder / "keys" / ANCHOR)
        film = encode(folder / "film.mp4", 60, 0)
        atoms = [
            sign_atom(encode(folder / f"{n}.mp4", 2, n), folder / f"signed-{n}.mp4", signer)
            for n in range(1, ATOMS + 1)
        ]
        digests = [file_digest(atom) for atom in atoms]
        reading = measure(
            min(args.rounds, ATOMS),
            lambda n: read_credential(atoms[n], digests[n], store, policy),
        )
        credentials = [
            read_credential(atom, digest, store, policy)
            for atom, digest in zip(atoms, digests, strict=True)
        ]
        again = measure(args.rounds, lambda _: read_credential(atoms[0], digests[0], store, policy))
        claim = FilmClaim(
            episode="e1",
            version="0",
            atoms=tuple(ClaimAtom.of(f"atom-{n}", c) for n, c in enumerate(credentials, 1)),
            watermarked=True,
            edits=(FilmEdit.GRADED, FilmEdit.TRANSCODED),
            governance={"ledger": "00" * 16, "position": 1},
        )
        target = folder / "signed.mp4"
        signing = measure(
            args.rounds, lambda _: sign_film(film, target, claim, signer, store.open, policy)
        )
        checking = measure(args.rounds, lambda _: check_film(target, policy, claim))
        made = sign_film(film, target, claim, signer, store.open, policy)
        report = {
            "film_megabytes": round(film.stat().st_size / 1e6, 1),
            "atoms": ATOMS,
            "read_first": reading.as_json(),
            "read_known": again.as_json(),
            "sign": signing.as_json(),
            "check": checking.as_json(),
            "manifest_kilobytes": round(made.manifest_bytes / 1000, 1),
            "state": made.credential.state.value,
        }
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

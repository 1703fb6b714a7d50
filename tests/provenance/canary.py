"""A web server on this machine that counts whoever comes, and a clip that asks to be looked up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import c2pa

from chainer.provenance import door
from chainer.provenance.policy import C2PA_EKU
from chainer.provenance.signer import FilmSigner


@dataclass
class Canary:
    """Where the server is, and the paths that were asked for."""

    url: str
    hits: list[str] = field(default_factory=list)


@contextmanager
def canary_server() -> Iterator[Canary]:
    """A canary on a free port of the loopback."""
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_POST = do_HEAD = do_GET  # noqa: N815  the names are http.server's

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Canary(f"http://127.0.0.1:{server.server_port}", hits)
        finally:
            server.shutdown()
            thread.join()


def kept_elsewhere(clip: Path, target: Path, url: str, signer: FilmSigner) -> Path:
    """A copy of `clip` whose metadata say that its credentials lie at `url`."""
    definition = {"claim_generator_info": [{"name": "test", "version": "1"}]}
    with (
        c2pa.Context.from_dict(door.settings("", (C2PA_EKU,))) as context,
        c2pa.Builder(definition, context) as builder,
        c2pa.Signer.from_callback(
            signer.sign, c2pa.C2paSigningAlg.ES256, signer.chain.decode()
        ) as hand,
        clip.open("rb") as source,
        target.open("w+b") as written,
    ):
        builder.set_intent(
            c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
        )
        builder.set_no_embed()
        builder.set_remote_url(url)
        builder.sign(hand, door.MEDIA_TYPE, source, written)
    return target


def marked(path: Path, target: Path) -> Path:
    """The same with a mark at its end, so that the library is asked about it."""
    mark = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    target.write_bytes(path.read_bytes() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark)
    return target

"""The content-addressed store: what was made once is kept and found again by its key."""

from chainer.store.folder import Presence, Store
from chainer.store.keep import StoreInfo, collect, inspect, tidy, verify
from chainer.store.place import StorePolicy, default_root
from chainer.store.purge import Purged, purge
from chainer.store.record import Artefact, Record

__all__ = [
    "Artefact",
    "Presence",
    "Purged",
    "Record",
    "Store",
    "StoreInfo",
    "StorePolicy",
    "collect",
    "default_root",
    "inspect",
    "purge",
    "tidy",
    "verify",
]

"""The content-addressed store: what was made once is kept and found again by its key."""

from chainer.store.evict import Collected
from chainer.store.folder import Presence, Store
from chainer.store.keep import OnStep, StoreInfo, collect, inspect, sweep, tidy, verify
from chainer.store.place import StorePolicy, default_root, open_store, policy_for
from chainer.store.purge import Purged, purge
from chainer.store.record import Artefact, Record
from chainer.store.shared import SharedStore

__all__ = [
    "Artefact",
    "Collected",
    "OnStep",
    "Presence",
    "Purged",
    "Record",
    "SharedStore",
    "Store",
    "StoreInfo",
    "StorePolicy",
    "collect",
    "default_root",
    "inspect",
    "open_store",
    "policy_for",
    "purge",
    "sweep",
    "tidy",
    "verify",
]

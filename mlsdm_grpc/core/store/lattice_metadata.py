"""Index of the metadata of one lattice, updated with each of its changes."""

from __future__ import annotations

import weakref

from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.metadata_index import MetadataIndex, Pairs
from mlsdm_grpc.core.store.packed_memory import metadata_in

__all__ = ["know_metadata"]


def know_metadata(lattice: Lattice) -> MetadataIndex:
    """Return the index of the metadata; create it if there is none."""
    if lattice.metadata_index is None:
        # A weak reference, because a reference cycle would delay the release of the RAM of a space.
        own = weakref.ref(lattice)

        def metadata_of(slot: int) -> Pairs:
            lattice = own()
            if lattice is None or not lattice.columns["sequence"][slot]:
                return ()
            return metadata_in(lattice.packed(slot).rest)

        index = MetadataIndex(lattice.order(0).tolist(), metadata_of)
        lattice.placed.append(index.placed)
        lattice.cleared.append(index.cleared)
        lattice.metadata_index = index
    return lattice.metadata_index

"""The index of the metadata of one lattice, updated with each change of it."""

from __future__ import annotations

import weakref

from mlsdm_grpc.core.store.memory_table import Lattice
from mlsdm_grpc.core.store.metadata_index import MetadataIndex, Pairs
from mlsdm_grpc.core.store.packed_memory import metadata_in

__all__ = ["know_metadata"]


def know_metadata(lattice: Lattice) -> MetadataIndex:
    """Start the index of the metadata if there is none, and return it."""
    if lattice.metadata_index is None:
        # A weak reference: a cycle would delay the release of the memory of a space.
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

"""Ontology of a space: named vectors, of which each new memory gets the nearest one as a label.

The writer of a record chooses the label before it writes the record. Inner products round
differently on different machines, so applying a record compares no vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlsdm_grpc.core.mind.pelm import unit_row
from mlsdm_grpc.core.model.new_memory import MAX_LABELS, Float32, NewMemory, Vector
from mlsdm_grpc.core.model.parameters import OntologyCategory
from mlsdm_grpc.core.store import kernel

__all__ = ["Ontology"]

# Margin above the rounding error of subtracting the error bound from a float32 score.
_SLACK = 2.0**-20


class Ontology:
    """Categories of one space, prepared for comparison.

    Args:
        categories: Categories of the same dimension; no vector is zero.
    """

    __slots__ = ("_names", "_rows")

    def __init__(self, categories: Sequence[OntologyCategory] = ()) -> None:
        self._names = tuple(category.name for category in categories)
        width = len(categories[0].vector.raw) if categories else 0
        self._rows: Float32 = np.empty((len(categories), width), np.float32)
        for i, category in enumerate(categories):
            self._rows[i] = unit_row(category.vector)

    def __len__(self) -> int:
        return len(self._names)

    def cost(self, count: int) -> int:
        """Return the number of multiplications needed to compare ``count`` vectors."""
        return count * self._rows.size

    def nearest(self, vectors: Sequence[Vector]) -> list[tuple[str | None, float]]:
        """Return for each vector the category with the highest cosine, and the cosine.

        Args:
            vectors: Vectors with the dimension of the categories.

        Returns:
            Name and cosine in [-1, 1], as computed by :func:`kernel.resonances`. If several
            categories are equally near, the first is returned. The result is ``(None, 0.0)`` for a
            zero vector, or if there are no categories.

        Cost: one float32 matrix product, and a float64 pass over the few candidate rows.
        """
        if not self._names or not vectors:
            return [(None, 0.0)] * len(vectors)
        units = np.stack([v.raw.astype(np.float64) * v.inv_norm for v in vectors])
        fast = np.empty((len(units), len(self._names)), np.float32)
        kernel.scan(self._rows, units.astype(np.float32), fast)
        return [
            (None, 0.0) if vector.inv_norm == 0.0 else self._best(unit, scores)
            for vector, unit, scores in zip(vectors, units, fast, strict=True)
        ]

    def _best(self, unit: kernel.Float64, scores: Float32) -> tuple[str, float]:
        error = kernel.scan_error(self._rows.shape[1])
        rows, _ = kernel.candidates(scores, error + _SLACK, top_k=1)
        cosines = kernel.resonances(self._rows[rows], unit)
        best = int(np.argmax(cosines))
        return self._names[rows[best]], float(cosines[best])

    def labelled(self, memories: Sequence[NewMemory]) -> tuple[NewMemory, ...]:
        """Return the memories, each with the nearest category added to its labels.

        A memory with the maximum number of labels is returned unchanged.
        """
        found = self.nearest([memory.vector for memory in memories])
        return tuple(
            _with_label(memory, name) for memory, (name, _) in zip(memories, found, strict=True)
        )


def _with_label(memory: NewMemory, name: str | None) -> NewMemory:
    if name is None or name in memory.labels or len(memory.labels) >= MAX_LABELS:
        return memory
    return replace(memory, labels=tuple(sorted((*memory.labels, name))))

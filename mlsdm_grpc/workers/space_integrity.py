"""Integrity of the rows of a space: comparison with checksums, and repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.workers.space_reads import MindOf

__all__ = ["SCRUBBED_AT_ONCE", "repair", "scrub"]

SCRUBBED_AT_ONCE: Final = 256
"""Number of rows that one step compares with their checksums."""


def scrub(mind_of: MindOf, request: pb.LinkRequest, reply: pb.LinkReply) -> Iterator[None]:
    """Compare the requested rows with their checksums, in steps, and list the damaged ones."""
    yield
    mind, wanted = mind_of(request), request.scrub
    reply.scrub.SetInParent()
    if mind.contents is None:
        return
    start, end = wanted.start, wanted.start + wanted.count
    while start < end:
        count = min(SCRUBBED_AT_ONCE, end - start)
        damaged, checked, start = mind.contents.pelm.scrub(start, count)
        reply.scrub.damaged.extend(damaged)
        reply.scrub.checked += checked
        if not start:
            break
        yield
    reply.scrub.next = start


def repair(
    mind_of: MindOf,
    copy_of: Callable[[int], Mind | None],
    request: pb.LinkRequest,
    reply: pb.LinkReply,
) -> None:
    """Repair damaged rows from a second copy of the space; rows that it lacks are lost."""
    mind = mind_of(request)
    copy = copy_of(request.repair.copy_id)
    reply.repair.SetInParent()
    if mind.contents is None:
        return
    pelm = mind.contents.pelm
    spare = None if copy is None or copy.contents is None else copy.contents.pelm
    for memory_id in request.repair.memory_ids:
        # The memory may have changed or been deleted since the comparison.
        if pelm.get(memory_id) is None or pelm.is_sound(memory_id):
            continue
        row = None if spare is None or spare.get(memory_id) is None else spare.row(memory_id)
        if row is not None and pelm.mend(memory_id, row):
            reply.repair.repaired.append(memory_id)
        else:
            pelm.lose(memory_id)
            reply.repair.lost.append(memory_id)

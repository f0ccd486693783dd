"""Lexical indexes of the spaces of a worker, completed in the background."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.store.lattice_words import Tokenizer
from mlsdm_grpc.lexical import TOKENIZER_VERSION, index_terms
from mlsdm_grpc.workers.scheduler import Job, LockMode, Slices

__all__ = ["AWAITED_TEXTS", "TOKENIZER", "WordEntries"]

AWAITED_TEXTS: Final = 4_096
"""Missing texts of a space beyond which indexing does not wait for idle time; about 0.1 s."""
_AT_ONCE: Final = 64
"""Missing texts that a query indexes itself; for more it waits for a job."""
_log = logging.getLogger(__name__)


class WordEntries:
    """Indexes the words of new texts in the background.

    A write only notes its text. Indexing starts when the worker is idle, when many texts wait, or
    when a query searches words.

    Args:
        minds: Minds of the worker by space.
        slices: Jobs of the worker.
    """

    def __init__(self, minds: Mapping[int, Mind], slices: Slices) -> None:
        self._minds = minds
        self._slices = slices
        self._waiting: set[int] = set()
        """Spaces that may have texts that are not indexed."""
        self._begun: set[int] = set()
        """Spaces with an indexing job."""

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, space_id: int, mind: Mind) -> None:
        """Note that a space may have new texts; the first call starts its index."""
        missing = _missing(mind)
        if missing:
            self._waiting.add(space_id)
        if missing > AWAITED_TEXTS:
            self._begin(space_id)

    def begin(self) -> None:
        """Start indexing all waiting texts."""
        while self._waiting:
            self._begin(self._waiting.pop())

    def defers(self, request: pb.LinkRequest) -> bool:
        """Defer a search by words or metadata while many memories are not indexed.

        Returns:
            True if a job brings the request back when the index is complete.
        """
        search = request.search
        if not (search.by_words or search.by_metadata):
            return False
        mind = self._minds.get(request.space_id)
        if mind is None or _missing_for(mind, search) <= _AT_ONCE:
            return False
        steps, reply = self._steps(request.space_id), pb.LinkReply(call_id=request.call_id)
        job = Job(request, reply, steps, LockMode.POINT_READ, again=True)
        self._slices.begin(job, at_once=False)
        return True

    def _begin(self, space_id: int) -> None:
        if space_id not in self._begun:
            self._begun.add(space_id)
            steps = self._steps(space_id)
            job = Job(pb.LinkRequest(space_id=space_id), pb.LinkReply(), steps, LockMode.POINT_READ)
            self._slices.begin(job, at_once=False)

    def _steps(self, space_id: int) -> Iterator[None]:
        """Index texts in steps while the space is loaded; it may change between steps."""
        mind = self._minds.get(space_id)
        if mind is not None and mind.contents is not None:
            pelm = mind.contents.pelm
            for _ in chain(pelm.know_words(TOKENIZER).completing(), pelm.completing_metadata()):
                if self._minds.get(space_id) is not mind:
                    break
                yield
        self._begun.discard(space_id)


def _missing_for(mind: Mind, search: pb.SearchRequest) -> int:
    """Return how many memories a search needs that are not indexed yet."""
    missing = 0
    if mind.contents is not None:
        if search.by_words:
            missing += _missing(mind)
        if search.by_metadata:
            missing += mind.contents.pelm.missing_metadata
    return missing


def _missing(mind: Mind) -> int:
    """Return how many texts of a space are not indexed yet."""
    if mind.contents is None:
        return 0
    return mind.contents.pelm.know_words(TOKENIZER).missing_count


def _terms(text: str, context: str) -> Mapping[str, int]:
    """Return the terms of a text; none of one that they cannot be made of.

    The index is derived: a defect of what makes the terms must not keep a record from being
    applied.
    """
    try:
        return index_terms(text, context)
    except Exception:  # noqa: BLE001 - whatever it is
        _log.exception("defect in the terms of a text")
        return {}


TOKENIZER: Final = Tokenizer(TOKENIZER_VERSION, _terms)

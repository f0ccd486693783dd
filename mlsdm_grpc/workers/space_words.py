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
"""Number of missing texts of a space above which indexing does not wait for idle time. Indexing
that many takes about 0.1 s."""
_AT_ONCE: Final = 64
"""Maximum number of missing texts that a query indexes itself; with more, the query waits for a
job."""
_log = logging.getLogger(__name__)


class WordEntries:
    """Indexer of the words of new texts, which works in the background.

    A write only registers its text. Indexing starts when the worker is idle, when many texts wait,
    or when a query searches words.

    Args:
        minds: Minds of the worker by number of their space.
        slices: Scheduler of the worker.
    """

    def __init__(self, minds: Mapping[int, Mind], slices: Slices) -> None:
        self._minds = minds
        self._slices = slices
        self._waiting: set[int] = set()
        """Spaces that may have texts outside the index."""
        self._begun: set[int] = set()
        """Spaces with an indexing job in progress."""

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, space_id: int, mind: Mind) -> None:
        """Register that a space may have new texts; the first call creates its index."""
        missing = _missing(mind)
        if missing:
            self._waiting.add(space_id)
        if missing > AWAITED_TEXTS:
            self._begin(space_id)

    def begin(self) -> None:
        """Start indexing all registered texts."""
        while self._waiting:
            self._begin(self._waiting.pop())

    def defers(self, request: pb.LinkRequest) -> bool:
        """Defer a search by words or metadata while many memories are not indexed.

        Returns:
            True if the search is deferred; the scheduler handles it after the index is complete.
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
        """Index texts in steps while the space is loaded; the space may change between steps."""
        mind = self._minds.get(space_id)
        if mind is not None and mind.contents is not None:
            pelm = mind.contents.pelm
            for _ in chain(pelm.know_words(TOKENIZER).completing(), pelm.completing_metadata()):
                if self._minds.get(space_id) is not mind:
                    break
                yield
        self._begun.discard(space_id)


def _missing_for(mind: Mind, search: pb.SearchRequest) -> int:
    """Return the number of memories that a search needs and that are not indexed yet."""
    missing = 0
    if mind.contents is not None:
        if search.by_words:
            missing += _missing(mind)
        if search.by_metadata:
            missing += mind.contents.pelm.missing_metadata
    return missing


def _missing(mind: Mind) -> int:
    """Return the number of texts of a space that are not indexed yet."""
    if mind.contents is None:
        return 0
    return mind.contents.pelm.know_words(TOKENIZER).missing_count


def _terms(text: str, context: str) -> Mapping[str, int]:
    """Return the terms of a text; none if computing them fails.

    The index is derived data, so a defect in the tokenizer must not prevent the application of a
    record.
    """
    try:
        return index_terms(text, context)
    except Exception:  # noqa: BLE001 - any defect of the tokenizer
        _log.exception("text_terms_failed")
        return {}


TOKENIZER: Final = Tokenizer(TOKENIZER_VERSION, _terms)

"""The words of the texts of a space, as its worker keeps them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Final

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc.core.mind.mind import Mind
from mlsdm_grpc.core.store.lattice_words import Tokenizer
from mlsdm_grpc.lexical import TOKENIZER_VERSION, index_terms

__all__ = ["completing", "know_words", "lacks_words"]

_log = logging.getLogger(__name__)


def know_words(mind: Mind) -> bool:
    """Keep up with the words of a space from now on; return whether some are not known yet.

    Only the first call for a mind returns that: whoever makes it sees to it.
    """
    if mind.contents is None or mind.contents.pelm.words is not None:
        return False
    return not mind.contents.pelm.know_words(_TOKENIZER).complete


def lacks_words(mind: Mind, search: pb.SearchRequest) -> bool:
    """Return whether a search cannot be answered before more words are known."""
    if mind.contents is None or mind.contents.pelm.words is None:
        return False
    complete = mind.contents.pelm.words.complete
    return not complete and any(query.words for query in search.queries)


def completing(mind: Mind) -> Iterator[None]:
    """Learn in steps the words that are not known yet; the mind may change in between."""
    if mind.contents is not None and mind.contents.pelm.words is not None:
        yield from mind.contents.pelm.words.completing()


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


_TOKENIZER: Final = Tokenizer(TOKENIZER_VERSION, _terms)

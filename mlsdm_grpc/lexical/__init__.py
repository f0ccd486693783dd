"""Terms of texts for search by words: tokens, stop words and stems by language.

Plain functions of a text: no clock, no I/O but the package's own data, no asyncio. Texts of equal
content have equal terms wherever the same :data:`TOKENIZER_VERSION` runs.
"""

from __future__ import annotations

from mlsdm_grpc.lexical.terms import (
    TERM_UNIT,
    TOKENIZER_VERSION,
    LexicalQuery,
    QueryTerm,
    index_terms,
    query_terms,
)

__all__ = [
    "TERM_UNIT",
    "TOKENIZER_VERSION",
    "LexicalQuery",
    "QueryTerm",
    "index_terms",
    "query_terms",
]

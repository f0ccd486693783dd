"""Terms of texts for lexical search: tokens, stop words and stems by language.

The functions use no clock and no asyncio, and no I/O except reading the data of the package. Equal
texts have equal terms under the same :data:`TOKENIZER_VERSION`.
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

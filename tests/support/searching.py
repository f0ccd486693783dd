"""Search requests as the engine sends them to a worker."""

from mlsdm_grpc._gen.mlsdm.internal.v1 import link_pb2 as pb
from mlsdm_grpc._gen.mlsdm.v1.memory_query_pb2 import QUERY_MODE_LEXICAL, MemoryQuery
from mlsdm_grpc.messages.queries import EncodedQueries
from mlsdm_grpc.messages.stored_memories import embedding_message


def by_vector(vector, **options):
    """Return a query by a vector."""
    return MemoryQuery(embedding=embedding_message(vector.raw), **options)


def by_words(text, **options):
    """Return a query by words alone."""
    return MemoryQuery(text=text, mode=QUERY_MODE_LEXICAL, **options)


def search_of(*queries, batch=False, max_bytes=10**9):
    """Return the search request for queries."""
    encoded = EncodedQueries.of(queries, batch=batch)
    return pb.SearchRequest(
        queries=encoded.encoded,
        max_bytes=max_bytes,
        batch=batch,
        by_words=encoded.by_words,
        by_metadata=encoded.by_metadata,
    )

"""Queries of a mind, answered by memories with copies of their rows."""


def hits_of(mind, queries, *, now_ns):
    """Return the matches of each query, best first; empty for a missing space."""
    if mind.contents is None:
        return [[] for _ in queries]
    return [mind.contents.pelm.hits(found) for found in mind.find(queries, now_ns=now_ns)]

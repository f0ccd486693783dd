"""Queries of a mind, answered by memories with copies of their rows."""


def hits_of(mind, queries, *, now_ns):
    """Return what each query recalls, best first; nothing for a space that is not there."""
    if mind.contents is None:
        return [[] for _ in queries]
    return [mind.contents.pelm.hits(found) for found in mind.find(queries, now_ns=now_ns)]

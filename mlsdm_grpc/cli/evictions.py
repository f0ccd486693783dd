"""Memories that had to leave, as a line for people."""

from typing import TYPE_CHECKING

from mlsdm_grpc.errors import MlsdmError

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["eviction_line"]


async def eviction_line(memory: "MemoryClient", count: int) -> str:
    """Return how many memories were evicted, and by what capacity if that can be learned.

    Args:
        memory: Asked for the capacity of the space, if there is anything to tell.
        count: Memories that left; of none there is no line.
    """
    if not count:
        return ""
    what = "1 older memory was" if count == 1 else f"{count} older memories were"
    try:
        capacity = (await memory.state()).state.memory.capacity
    except MlsdmError:  # the write is done, whatever this call comes to
        return f"{what} evicted to make room"
    return f"{what} evicted to make room (capacity {capacity})"

"""Line of output about evicted memories."""

from typing import TYPE_CHECKING

from mlsdm_grpc.errors import MlsdmError

if TYPE_CHECKING:
    from mlsdm_grpc.client import MemoryClient

__all__ = ["eviction_line"]


async def eviction_line(memory: "MemoryClient", count: int) -> str:
    """Return a line with the number of evicted memories and, if available, the capacity.

    Args:
        memory: Client, used to read the capacity of the space if the line is not empty.
        count: Number of evicted memories; the line is empty for 0.
    """
    if not count:
        return ""
    what = "1 older memory was" if count == 1 else f"{count} older memories were"
    try:
        capacity = (await memory.state()).state.memory.capacity
    # The write is complete; an error of this call must not hide its result.
    except MlsdmError:
        return f"{what} evicted to make room"
    return f"{what} evicted to make room (capacity {capacity})"

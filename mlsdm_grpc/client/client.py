"""The asyncio client: one method an RPC, with a deadline, retries and typed errors on each."""

from __future__ import annotations

from mlsdm_grpc.client.batch_writes import BatchWrites
from mlsdm_grpc.client.generation import Generation
from mlsdm_grpc.client.governance import Governance
from mlsdm_grpc.client.reads import Reads
from mlsdm_grpc.client.spaces import Spaces
from mlsdm_grpc.client.streams import Streaming
from mlsdm_grpc.client.writes import Writes

__all__ = ["MemoryClient"]


class MemoryClient(Writes, BatchWrites, Reads, Streaming, Spaces, Generation, Governance):
    """A connection to one server, for one space unless a call names another.

    Use it as an asynchronous context manager, for outside of one every call is
    :class:`PreconditionFailed`; many tasks may share it::

        async with MemoryClient("127.0.0.1:50051") as memory:
            await memory.put("The invoice is due on Friday.", labels=["topic:billing"])
            found = await memory.query("when do I have to pay?")

    Arguments are checked before anything is sent: what no server would take is
    :class:`InvalidInput`, which names the argument and says what to send instead. Ranges of
    numbers, and all that depends on the space, are for the server to judge.

    Every call has a deadline. A call that ends UNAVAILABLE is repeated up to twice within it, with
    the same ``request_id`` if it is a write, so that nothing is stored twice; not where the server
    asks to wait beyond the deadline, nor where it has tried itself (a model, a remote embedder).
    Every failure is raised as the :class:`MlsdmError` that the server raised: ``NotFound``,
    ``Conflict`` ...

    Args:
        target: ``HOST:PORT`` or any gRPC target.
        token: Bearer token, printable ASCII of at most 8 KiB; white space around it is left out.
            None where the server asks for none. It travels in plain text unless ``credentials``
            are given.
        space: Space of calls that name none.
        timeout_s: Deadline of calls that name none, seconds, at most 1e9.
        credentials: Channel credentials, e.g. of TLS; None is plain text.

    Raises:
        InvalidInput: An argument cannot be one.
    """

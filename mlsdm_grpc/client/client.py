"""The asyncio client: one method for each RPC, with deadlines, retries and typed errors."""

from __future__ import annotations

from mlsdm_grpc.client.administration import Administration
from mlsdm_grpc.client.batch_writes import BatchWrites
from mlsdm_grpc.client.generation import Generation
from mlsdm_grpc.client.governance import Governance
from mlsdm_grpc.client.reads import Reads
from mlsdm_grpc.client.spaces import Spaces
from mlsdm_grpc.client.state_reads import StateReads
from mlsdm_grpc.client.streams import Streaming
from mlsdm_grpc.client.tenants import TenantAccess
from mlsdm_grpc.client.writes import Writes

__all__ = ["MemoryClient"]


class MemoryClient(
    Writes,
    BatchWrites,
    Reads,
    StateReads,
    Streaming,
    Spaces,
    TenantAccess,
    Generation,
    Governance,
    Administration,
):
    """A connection to one server, with a default space for calls that name none.

    Use it as an asynchronous context manager; outside of one every call raises
    :class:`PreconditionFailed`. Many tasks may share one client::

        async with MemoryClient("127.0.0.1:50051") as memory:
            await memory.put("The invoice is due on Friday.", labels=["topic:billing"])
            found = await memory.query("when do I have to pay?")

    Arguments are checked before anything is sent. An argument that no server would accept raises
    :class:`InvalidInput`, which names the argument and says what to send instead. The server checks
    ranges of numbers and everything that depends on the space.

    Every call has a deadline. A call that fails with UNAVAILABLE is retried up to twice within the
    deadline; a retried write has the same ``request_id``, so nothing is stored twice. The client
    does not retry if the server requests a delay beyond the deadline, or if the server itself has
    already retried (a model, a remote embedder). If no server listens at the address, the call
    fails within 3 s. Every failure raises the :class:`MlsdmError` that the server raised:
    ``NotFound``, ``Conflict`` ...

    Args:
        target: Address of the server, see :func:`server_address`; None uses the environment
            variable MLSDM_TARGET or, without it, ``127.0.0.1:50051``.
        token: Bearer token, printable ASCII of at most 8 KiB; surrounding white space is removed.
            Use a function for tokens that expire: it is called before each call and must not block.
            None sends no token. Without ``credentials`` a token is sent unencrypted.
        space: Default space of calls.
        timeout_s: Default deadline of calls, seconds, at most 1e9.
        credentials: Channel credentials, for TLS those of :func:`tls_credentials`; None connects
            without TLS.
        tenant: Another tenant to act for; requires the permission ``tenant.impersonate``.
        on_wait: Called before each wait for a retry, with the error and the wait in seconds; must
            not block. None disables this report.

    Raises:
        InvalidInput: An argument is invalid.
    """

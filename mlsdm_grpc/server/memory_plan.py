"""Division of the node's RAM into budgets, and the minimum RAM of a node.

A limit of L is divided as follows, so that no part can use the RAM of another one::

    idle processes and spaces          0.65 L   spaces have the part that idle processes leave
    requests received or in service    0.06 L   further requests wait unread in the transport
    conversion of large requests       0.07 L   if necessary one at a time
    building of large responses        0.05 L   if necessary one at a time
    sending of large responses         0.04 L   held until slow clients have read them
    messages of open streams           0.04 L   each stream may send its largest one at any time
    connections                        0.02 L
    reserve                            0.07 L   free memory in allocators, memory without a budget

The sizes of idle processes were measured, see docs/operations.md. Tests check them on a server.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from mlsdm_grpc.config import Settings
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.llm.embedders import embedder_info
from mlsdm_grpc.protection.sensors import cgroup_limit
from mlsdm_grpc.units import KIB, MIB

__all__ = [
    "MemoryPlan",
    "check_memory",
    "memory_limit",
    "minimum_bytes",
    "rest_bytes",
    "within_memory",
]

# Measured RAM of an idle server process, space worker and text worker, bytes.
_SERVER: Final = 64 * MIB
_MINDS: Final = 25 * MIB
_TEXT: Final = 40 * MIB
# RAM of an embedder in a text worker, bytes.
_MODELS: Final = {"wordllama": 57 * MIB, "e5": 80 * MIB}

# Shares of the budgets; the module docstring describes them.
_HELD: Final = 0.65
_RECEIVED: Final = 0.06
_CONVERTED: Final = 0.07
_COMPUTED: Final = 0.05
_ANSWERED: Final = 0.04
_STREAMED: Final = 0.04
_CONNECTED: Final = 0.02
# Share of RAM that spaces may use in addition to their budget. With it, spaces in use stay loaded
# while there is little traffic.
_IN_USE: Final = 0.1

# Maximum share of RAM for the spaces without a configured budget.
_SPACES_SHARE: Final = 0.6
# Maximum RAM of a full space as a multiple of the size of its vectors.
_SPACE_PER_VECTOR: Final = 1.6
# RAM of an idle connection, bytes.
_CONNECTION: Final = 12 * KIB


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Budgets of the node's RAM, bytes."""

    spaces: int
    most_spaces: int
    """Maximum for spaces while all of them are in use."""
    receiving: int
    converting: int
    computing: int
    answering: int
    streaming: int
    connecting: int
    worker_growth: int
    """RAM that a worker may use beyond its idle size before a process must be killed."""

    @classmethod
    def of(cls, settings: Settings, memory_bytes: int) -> MemoryPlan:
        """Divide an amount of RAM in bytes into budgets."""
        left = int(_HELD * memory_bytes) - rest_bytes(settings)
        spaces = settings.engine.memory_budget_bytes or min(left, int(_SPACES_SHARE * memory_bytes))
        return cls(
            spaces=spaces,
            most_spaces=spaces + int(_IN_USE * memory_bytes),
            receiving=int(_RECEIVED * memory_bytes),
            converting=int(_CONVERTED * memory_bytes),
            computing=int(_COMPUTED * memory_bytes),
            answering=int(_ANSWERED * memory_bytes),
            streaming=int(_STREAMED * memory_bytes),
            connecting=int(_CONNECTED * memory_bytes),
            worker_growth=max(0, memory_bytes - rest_bytes(settings)),
        )


def memory_limit(settings: Settings) -> int | None:
    """Return the memory limit of the node in bytes, or None without a limit. Blocks."""
    configured = settings.pressure.memory_limit_bytes
    limits = [cgroup_limit(), int(configured / settings.pressure.memory_share) or None]
    return min((each for each in limits if each), default=None)


def rest_bytes(settings: Settings) -> int:
    """Return the RAM of all idle processes, bytes."""
    engine, embedder = settings.engine, settings.space.embedder
    text = _TEXT + _MODELS.get(embedder, 0)
    return _SERVER + engine.workers * _MINDS + engine.text_workers * text


def minimum_bytes(settings: Settings) -> int:
    """Return the minimum RAM for these settings, bytes.

    It covers the idle processes and the configured budget of spaces. The default budget is one full
    space of the default capacity.
    """
    info = embedder_info(settings.space.embedder)
    dimension = max(settings.space.dimension, info.dimension if info else 0)
    one = int(settings.space.capacity * dimension * 4 * _SPACE_PER_VECTOR)
    spaces = settings.engine.memory_budget_bytes or one
    return -(-int((rest_bytes(settings) + spaces) / _HELD) // MIB) * MIB


def check_memory(settings: Settings) -> str:
    """Return a sentence about the available and the required RAM. Blocks.

    Raises:
        InvalidInput: The memory limit is below the minimum.
    """
    limit, minimum = memory_limit(settings), minimum_bytes(settings)
    needed = f"at least {minimum // MIB} MiB are needed"
    if limit is None:
        return f"not limited; {needed}"
    if limit >= minimum:
        return f"limit {limit // MIB} MiB; {needed}"
    configured = settings.pressure.memory_limit_bytes
    advice = (
        f"the limit is {limit // MIB} MiB and {needed}: raise it, or lower engine.workers "
        f"({settings.engine.workers}), engine.text_workers ({settings.engine.text_workers}), "
        f"engine.memory_budget_bytes or space.capacity ({settings.space.capacity})"
    )
    field = "pressure.memory_limit_bytes" if configured else "cgroup memory limit"
    raise InvalidInput(
        f"The memory limit is {limit // MIB} MiB; the server needs {minimum // MIB} MiB.",
        violations=[FieldViolation(field, advice)],
        metadata={"limit": str(limit), "minimum": str(minimum)},
    )


def within_memory(settings: Settings) -> tuple[Settings, MemoryPlan]:
    """Return the settings, with values derived from the available RAM, and the budgets. Blocks.

    Raises:
        InvalidInput: The memory limit is below the minimum.
    """
    check_memory(settings)
    limit = memory_limit(settings)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    plan = MemoryPlan.of(settings, min(physical, limit or physical))
    engine, server = settings.engine, settings.server
    streams = max(1, plan.streaming // server.max_request_bytes)
    worker = engine.worker_memory_limit_bytes
    if limit and not worker:
        worker = _MINDS + plan.worker_growth
    filled = engine.model_copy(
        update={
            "memory_budget_bytes": engine.memory_budget_bytes or plan.spaces,
            "max_streams": min(engine.max_streams, streams),
            "worker_memory_limit_bytes": worker,
        }
    )
    connections = min(server.max_connections, max(1, plan.connecting // _CONNECTION))
    limited = server.model_copy(update={"max_connections": connections})
    return settings.model_copy(update={"engine": filled, "server": limited}), plan

"""Fields of records that earlier versions of the rules do not support.

Code that supports only an earlier version ignores a newer field, and would compute another state
from the same record. A record of an earlier version must therefore not contain such a field.
:func:`unkept` finds a newer field that a caller set; the request is then refused. :func:`reduced`
removes newer fields that the server added. A new field of a record needs a new line in the table
below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from mlsdm_grpc.core.model.bodies import (
    CreateSpace,
    ProcessEvent,
    PutMemories,
    SpaceChange,
    StreamItems,
    UpdateSpace,
)
from mlsdm_grpc.core.model.new_memory import NewMemory
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.core.model.record import RecordBody
from mlsdm_grpc.core.model.tenant import SetTenant

__all__ = ["Part", "Unkept", "parts", "reduced", "unkept"]

Part: TypeAlias = NewMemory | SpaceChange | SpaceParameters | SetTenant
"""Types whose fields may belong to a later version."""
_PartT = TypeVar("_PartT", NewMemory, SpaceChange, SpaceParameters)


class Unkept(NamedTuple):
    """Field that a version of the rules does not support."""

    field: str
    """Name of the field in the contract, without the path of its message."""
    version: int
    """Lowest version of the rules that supports the field."""


class _Later(NamedTuple):
    """Field that a version of the rules introduced."""

    attribute: str
    field: str
    version: int
    absent: str | bool | int | None
    """Value of the field in a record without it."""
    harmless: tuple[bool, ...] = ()
    """Other values that are accepted, because they request the behaviour of the earlier rules."""


_LATER: Final[Mapping[type, tuple[_Later, ...]]] = MappingProxyType(
    {
        NewMemory: (
            _Later("embedding_model", "embedding_model", 2, ""),
            _Later("context", "context", 2, ""),
            _Later("event_time_ns", "event_time", 2, 0),
            _Later("conversation_id", "conversation_id", 2, ""),
            _Later("role", "exchange_role", 2, 0),
            _Later("keeps_id", "server_assigned_id", 2, absent=False, harmless=(True,)),
        ),
        SpaceParameters: (_Later("recall_in_band", "config.recall.phase", 2, absent=False),),
        SpaceChange: (_Later("recall_in_band", "config.recall.phase", 2, None, (False,)),),
        # A SetTenant record always has settings, so the whole record needs version 2.
        SetTenant: (_Later("settings", "tenant", 2, None),),
    }
)


def unkept(part: Part, version: int) -> Unkept | None:
    """Return the first field of a part that a version of the rules does not support, or None."""
    for later in _LATER[type(part)]:
        value = getattr(part, later.attribute)
        if version < later.version and value != later.absent and value not in later.harmless:
            return Unkept(later.field, later.version)
    return None


def reduced(part: _PartT, version: int) -> _PartT:
    """Return a part without the fields that a version of the rules does not support."""
    surplus: dict[str, Any] = {
        later.attribute: later.absent
        for later in _LATER[type(part)]
        if version < later.version and getattr(part, later.attribute) != later.absent
    }
    return replace(part, **surplus) if surplus else part


def parts(body: RecordBody) -> Iterator[Part]:
    """Yield the parts of a body that may contain fields of later versions."""
    if isinstance(body, CreateSpace):
        yield body.parameters
    elif isinstance(body, UpdateSpace):
        yield body.change
    elif isinstance(body, SetTenant):
        yield body
    elif isinstance(body, PutMemories | ProcessEvent):
        yield from body.memories
    elif isinstance(body, StreamItems):
        for item in body.items:
            if isinstance(item.body, ProcessEvent):
                yield from item.body.memories
            else:
                yield item.body

"""What spaces under earlier rules cannot keep.

A field of a record that came with a version says nothing to code that has only earlier ones, which
would make another state of the same record. So no record of an earlier version has such a field:
what a caller asks for is refused by :func:`unkept`, what the server adds by itself is left out by
:func:`reduced`. A new field of a record is a new line of the table here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from mlsdm_grpc.core.model.record import (
    CreateSpace,
    NewMemory,
    ProcessEvent,
    PutMemories,
    RecordBody,
    SpaceChange,
    SpaceParameters,
    StreamItems,
    UpdateSpace,
)

__all__ = ["Part", "Unkept", "parts", "reduced", "unkept"]

Part: TypeAlias = NewMemory | SpaceChange | SpaceParameters
"""What fields belong to that came with a version."""
_PartT = TypeVar("_PartT", NewMemory, SpaceChange, SpaceParameters)


class Unkept(NamedTuple):
    """A field that a space cannot keep."""

    field: str
    """As the contract spells it, without where it stands in a request."""
    version: int
    """Lowest version of the rules that keeps it."""


class _Later(NamedTuple):
    """A field that came with a version."""

    attribute: str
    field: str
    version: int
    absent: str | bool | int | None
    """Value of a record without it."""
    harmless: tuple[bool, ...] = ()
    """Values that ask for what earlier rules do anyway."""


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
    }
)


def unkept(part: Part, version: int) -> Unkept | None:
    """Return the first field that says something which rules of a version cannot keep, if any."""
    for later in _LATER[type(part)]:
        value = getattr(part, later.attribute)
        if version < later.version and value != later.absent and value not in later.harmless:
            return Unkept(later.field, later.version)
    return None


def reduced(part: _PartT, version: int) -> _PartT:
    """Return a part without what rules of a version do not know."""
    surplus: dict[str, Any] = {
        later.attribute: later.absent
        for later in _LATER[type(part)]
        if version < later.version and getattr(part, later.attribute) != later.absent
    }
    return replace(part, **surplus) if surplus else part


def parts(body: RecordBody) -> Iterator[Part]:
    """Yield the parts of a body that may have fields of later versions."""
    if isinstance(body, CreateSpace):
        yield body.parameters
    elif isinstance(body, UpdateSpace):
        yield body.change
    elif isinstance(body, PutMemories | ProcessEvent):
        yield from body.memories
    elif isinstance(body, StreamItems):
        for item in body.items:
            if isinstance(item.body, ProcessEvent):
                yield from item.body.memories
            else:
                yield item.body

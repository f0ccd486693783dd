"""Check of the space that a request names, for principals that may use some spaces only."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from mlsdm_grpc.errors import PermissionDenied
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.wire.reading import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlsdm_grpc.wire.call import Call

__all__ = ["RequestSpace", "space_path"]

# Fields that lead to the space of a request; a message at the first level holds the opening of a
# stream, one at the second its identity.
_OPENINGS: Final = ("open", "stream")
_SPACE: Final = "space"


def space_path(request: Descriptor) -> tuple[str, ...]:
    """Return the path of the field that names the space; empty if there is none."""
    return next(_paths(request), ())


def _paths(message: Descriptor) -> Iterator[tuple[str, ...]]:
    field = message.fields_by_name.get(_SPACE)
    if field is not None and field.type == FieldDescriptor.TYPE_STRING:
        yield (_SPACE,)
    for name in _OPENINGS:
        inner = message.fields_by_name.get(name)
        if inner is not None and inner.message_type is not None:
            yield from ((name, *rest) for rest in _paths(inner.message_type))


class RequestSpace:
    """Check of the requests of one method.

    Args:
        request: Descriptor of the requests.
    """

    def __init__(self, request: Descriptor) -> None:
        path = space_path(request)
        self._opening = path[0] if len(path) > 1 else ""
        self._space = attrgetter(".".join(path)) if path else None

    def check(self, call: Call, request: Any) -> None:
        """Check that the principal may use the space of a request.

        Raises:
            InvalidInput: FIELD_INVALID: no space can have the name.
            PermissionDenied: The space is outside its grants, whether the space exists or not.
        """
        grants = call.principal.spaces
        if grants is None or self._space is None:
            return
        message = request.message if isinstance(request, Parts) else request
        if self._opening and not message.HasField(self._opening):
            return  # a later message of a stream
        fields = Fields()
        space = fields.space(self._space(message))
        # A text that is no name would stand in the status and in the log of security events.
        fields.check()
        if space not in grants:
            raise PermissionDenied(
                f"The credential has no permission {call.method.permission} in this space.",
                metadata={
                    "permission": call.method.permission,
                    "scope": "tenant",
                    "space": space,
                },
            )

"""Check of the space in a request, for principals that may use only some spaces."""

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

# Names of the message fields that may contain the space: the first message of a stream, and in it
# the identity of the stream.
_OPENINGS: Final = ("open", "stream")
_SPACE: Final = "space"


def space_path(request: Descriptor) -> tuple[str, ...]:
    """Return the path of the field with the name of the space, or () if there is none."""
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
    """Check of the space in the requests of one method.

    Args:
        request: Descriptor of the request type.
    """

    def __init__(self, request: Descriptor) -> None:
        path = space_path(request)
        self._opening = path[0] if len(path) > 1 else ""
        self._space = attrgetter(".".join(path)) if path else None

    def check(self, call: Call, request: Any) -> None:
        """Check that the principal may use the space in a request.

        Raises:
            InvalidInput: FIELD_INVALID; the text is not a valid name of a space.
            PermissionDenied: The grants do not include the space, which may exist or not.
        """
        grants = call.principal.spaces
        if grants is None or self._space is None:
            return
        message = request.message if isinstance(request, Parts) else request
        if self._opening and not message.HasField(self._opening):
            return  # Only the first message of a stream contains the space.
        fields = Fields()
        space = fields.space(self._space(message))
        # An invalid name must not reach the status and the security log.
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

"""Scan of the bytes of a large message before it is parsed.

The scan follows the wire format of protobuf with the descriptor of the message and stops at the
first field that exceeds its bound, so a message of millions of items costs no more than the bound
allows. A message that the scan accepts keeps all bounds once parsed, or cannot be parsed. The
content of strings is not read.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from enum import IntEnum, auto
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.journal.codec.protowire import FIXED_BYTES, length_delimited
from mlsdm_grpc.messages.bounds import ENTRY, STRING, Bound

__all__ = ["MAX_SURPLUS", "MessageScan", "MessageShape"]

MAX_SURPLUS: Final = 8 * 1_024
"""Fields that are unknown, or that a later field replaces, allowed in one message. A message that
is parsed without a scan is too short to contain more."""
# Fields scanned between two yields to the event loop, about 2 to 4 ms.
_SLICE_FIELDS: Final = 4 * 1_024
# Nesting depth of messages and groups that the parser accepts.
_MAX_DEPTH: Final = 100
_MAX_VARINT: Final = 10
_MAX_TAG: Final = 5
_LENGTH: Final = 2
_GROUP, _END_GROUP = 3, 4
# Package of the contract. Strings of other packages have no bound of their own.
_PACKAGE: Final = "mlsdm."
_VARINTS: Final = frozenset(
    {
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT32,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_ENUM,
    }
)
# Values of the bytes of a varint that are followed by another byte.
_CONTINUED: Final = bytes(range(0x80, 0x100))
_FIXED_64: Final = frozenset(
    {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}
)
_STRINGS: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})


class _Kind(IntEnum):
    """Kind of field, by the check that it needs."""

    SINGLE = auto()
    STRING = auto()
    MESSAGE = auto()
    MANY = auto()
    MESSAGES = auto()
    PACKED = auto()
    ITEM = auto()


class _Field:
    """Properties of one field in one of its wire types."""

    __slots__ = ("bound", "child", "kind", "name", "number", "others", "width")

    def __init__(self, field: FieldDescriptor, kind: _Kind, bound: Bound, width: int) -> None:
        self.name = field.name
        self.number = field.number
        self.kind = kind
        self.bound = bound
        self.width = width
        """Size of a packed value, bytes."""
        self.child: MessageShape | None = None
        oneof = field.containing_oneof
        self.others = tuple(
            other.number for other in (oneof.fields if oneof else ()) if other is not field
        )
        """Numbers of the other fields of the oneof, which this one replaces."""


class MessageShape:
    """Fields of a message by tag.

    Args:
        descriptor: Descriptor of the message.
        bounds: Bounds by full name of the field; every repeated field has one.
        items: Path of the repeated field whose messages are not scanned; empty for none.
    """

    def __init__(
        self, descriptor: Descriptor, bounds: Mapping[str, Bound], items: Sequence[str] = ()
    ) -> None:
        self.has_items = bool(items)
        self.fields: dict[int, _Field] = {}
        for field in descriptor.fields:
            rest = items[1:] if items and items[0] == field.name else ()
            is_item = bool(items) and items[0] == field.name and not rest
            self._add(field, bounds, rest, is_item=is_item)

    def _add(
        self,
        field: FieldDescriptor,
        bounds: Mapping[str, Bound],
        items: Sequence[str],
        *,
        is_item: bool,
    ) -> None:
        kind, wire_type = _kind(field), _wire_type(field)
        owner = field.containing_type
        entry = owner is not None and owner.GetOptions().map_entry
        bound = bounds.get(field.full_name, ENTRY if entry else STRING)
        ours = field.full_name.startswith(_PACKAGE) and field.type != FieldDescriptor.TYPE_BYTES
        if kind is _Kind.STRING and not ours and field.full_name not in bounds:
            kind = _Kind.SINGLE
        one = _Field(field, _Kind.ITEM if is_item else kind, bound, 0)
        if field.message_type is not None:
            one.child = MessageShape(field.message_type, bounds, items)
        self.fields[field.number << 3 | wire_type] = one
        if kind is _Kind.MANY and wire_type != _LENGTH:
            width = FIXED_BYTES.get(wire_type, 1)
            self.fields[field.number << 3 | _LENGTH] = _Field(field, _Kind.PACKED, bound, width)


def _wire_type(field: FieldDescriptor) -> int:
    if field.type in _VARINTS:
        return 0
    if field.type in _FIXED_64:
        return 1
    return _LENGTH if field.message_type is not None or field.type in _STRINGS else 5


def _kind(field: FieldDescriptor) -> _Kind:
    if field.message_type is not None:
        return _Kind.MESSAGES if field.is_repeated else _Kind.MESSAGE
    if field.is_repeated:
        return _Kind.MANY
    return _Kind.STRING if field.type in _STRINGS else _Kind.SINGLE


class MessageScan:
    """Scan of one message.

    Args:
        raw: Serialised message.
        path: Prefix of field names in violations; empty or ends with a dot.
        cuts: Whether the items are cut out.
    """

    __slots__ = ("_cuts", "_left", "_path", "_raw", "_surplus", "item_count", "items")

    def __init__(self, raw: bytes, path: str = "", *, cuts: bool = False) -> None:
        self._raw = raw
        self._path = path
        self._cuts = cuts
        self._left = _SLICE_FIELDS
        self._surplus = 0
        self.item_count = 0
        """Number of items."""
        self.items: list[tuple[int, int]] = []
        """Start and end offset of each item in the bytes, if they are cut out."""

    def steps(self, shape: MessageShape) -> Generator[None, None, bytes]:
        """Scan the message, and yield every few milliseconds.

        Returns:
            Bytes without the items if these are cut out; empty otherwise.

        Raises:
            DecodeError: The bytes are not a message of this shape.
            InvalidInput: A field exceeds its bound, or too many fields are unknown or replaced.
        """
        try:
            return (yield from self._message(0, len(self._raw), shape, {}, self._path))
        except IndexError:
            raise DecodeError from None

    def _message(  # noqa: PLR0912 - one branch a kind of field, and no call for most fields
        self, at: int, end: int, shape: MessageShape, scope: dict[int, Any], path: str
    ) -> Generator[None, None, bytes]:
        """Scan one nested message; ``scope`` keeps what was seen of it before, by field number."""
        raw, fields, kept, kept_to = self._raw, shape.fields, bytearray(), at
        while at < end:
            self._left -= 1
            # One counter for all nesting levels keeps the time between two yields constant.
            if not self._left:
                self._left = _SLICE_FIELDS
                yield
            begin, tag = at, raw[at]
            at += 1
            if tag > 0x7F:
                tag, at = self._varint(begin, _MAX_TAG)
            if tag & 7 == _LENGTH and raw[at] < 0x80:  # most fields, without a call
                value = at + 1
                at = value + raw[at]
                if at > end:
                    raise DecodeError
            else:
                value, at = self._value(tag, at, end)
            if tag < 8:  # field 0; inside a group the parser lets it pass
                raise DecodeError
            field = fields.get(tag)
            if field is None:
                self._useless()
                continue
            if field.kind is _Kind.ITEM:
                self.item_count = self._count(field, 1, scope, path)
                if self._cuts:
                    self.items.append((value, at))
                    kept += raw[kept_to:begin]
                    kept_to = at
            elif field.child is not None:
                body = yield from self._nested(field, field.child, value, at, scope, path)
                if field.child.has_items and self._cuts:
                    kept += raw[kept_to:begin] + length_delimited(field.number, body)
                    kept_to = at
            elif field.kind is _Kind.MANY:
                self._count(field, 1, scope, path)
            elif field.kind is _Kind.PACKED:
                self._count(field, self._packed(field, value, at), scope, path)
            else:
                self._single(field, at - value, scope, path)
        if not (shape.has_items and self._cuts):
            return b""
        return bytes(kept + raw[kept_to:end])

    def _nested(
        self,
        field: _Field,
        shape: MessageShape,
        at: int,
        end: int,
        scope: dict[int, Any],
        path: str,
    ) -> Generator[None, None, bytes]:
        inner: dict[int, Any] = {}
        if field.kind is _Kind.MESSAGES:
            number = self._count(field, 1, scope, path)
            name = f"{path}{field.name}[{number - 1}]."
        else:
            name = f"{path}{field.name}."
            self._replace(field, scope)
            before = scope.setdefault(field.number, inner)
            # A repeated message field is legal in protobuf, but useless and unbounded.
            if before is not inner:  # the parser merges both
                self._useless()
            inner = before
        return (yield from self._message(at, end, shape, inner, name))

    def _single(self, field: _Field, size: int, scope: dict[int, Any], path: str) -> None:
        self._replace(field, scope)
        if field.number in scope:
            self._useless()
        scope[field.number] = True
        if field.kind is _Kind.STRING and size > field.bound.limit:
            raise _beyond(field, size, path)

    def _count(self, field: _Field, more: int, scope: dict[int, Any], path: str) -> int:
        number: int = scope.get(field.number, 0) + more
        scope[field.number] = number
        if number > field.bound.limit:
            raise _beyond(field, number, path)
        return number

    def _replace(self, field: _Field, scope: dict[int, Any]) -> None:
        """Forget the other fields of a oneof."""
        for other in field.others:
            if scope.pop(other, None) is not None:
                self.items.clear()
                self.item_count = 0

    def _useless(self) -> None:
        self._surplus += 1
        if self._surplus > MAX_SURPLUS:
            raise InvalidInput(
                f"The message has more than {MAX_SURPLUS} fields that are unknown here or are"
                " replaced by later ones; send each field once.",
                reason="MESSAGE_MALFORMED",
                metadata={"limit": str(MAX_SURPLUS)},
            )

    def _value(self, tag: int, at: int, end: int) -> tuple[int, int]:
        """Return the start and the end of the value that follows a tag."""
        wire_type = tag & 7
        if wire_type == _LENGTH:
            size = self._raw[at]
            begin = at + 1
            if size > 0x7F:
                high = self._raw[begin]
                if high < 0x80:
                    size, begin = size & 0x7F | high << 7, begin + 1
                else:
                    size, begin = self._varint(at, _MAX_TAG)
            after = begin + size
        else:
            begin = at
            if wire_type == 0:
                after = self._after_varint(at)
            elif wire_type in FIXED_BYTES:
                after = at + FIXED_BYTES[wire_type]
            elif wire_type == _GROUP:
                after = self._group(tag >> 3, at, end)
            else:
                raise DecodeError
        if after > end:
            raise DecodeError
        return begin, after

    def _group(self, number: int, at: int, end: int) -> int:
        """Return the end of a group; all fields in it are unknown."""
        groups = [number]
        while groups:
            if at >= end or len(groups) > _MAX_DEPTH:
                raise DecodeError
            tag, at = self._varint(at, _MAX_TAG)
            self._useless()
            if tag & 7 == _GROUP:
                groups.append(tag >> 3)
            elif tag & 7 == _END_GROUP:
                if groups.pop() != tag >> 3:
                    raise DecodeError
            else:
                _, at = self._value(tag, at, end)
        return at

    def _packed(self, field: _Field, at: int, end: int) -> int:
        """Return the number of packed values."""
        if (end - at) % field.width:
            raise DecodeError
        if field.width == 1:  # varints, whose last bytes are below 0x80
            return len(self._raw[at:end].translate(None, _CONTINUED))
        return (end - at) // field.width

    def _varint(self, at: int, most: int) -> tuple[int, int]:
        """Return a tag or a length, and its end."""
        # The bytes come from a client. A varint that is too long, or above 32 bits, is refused,
        # because the parser of protobuf refuses it.
        after = self._after_varint(at)
        if after - at > most:
            raise DecodeError
        value = 0
        for byte in reversed(self._raw[at:after]):
            value = value << 7 | byte & 0x7F
        if value > 0xFFFF_FFFF:
            raise DecodeError
        return value, after

    def _after_varint(self, at: int) -> int:
        raw = self._raw
        for after in range(at, at + _MAX_VARINT):
            if raw[after] < 0x80:
                return after + 1
        raise DecodeError


def _beyond(field: _Field, count: int, path: str) -> InvalidInput:
    parts = f"{path}{field.name}".split(".")
    named = ".".join(parts[: len(parts) - field.bound.up])
    return InvalidInput.of(named, field.bound.violation(count))

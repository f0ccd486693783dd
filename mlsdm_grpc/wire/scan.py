"""Scan of the bytes of a large message before it is parsed.

The scan follows the Protobuf wire format, with the descriptor of the message. It stops at the first
field above its bound, so a message with millions of items costs no more than the largest allowed
one. A message that the scan accepts either fails to parse or keeps all bounds. The scan does not
read the content of strings.
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
"""Maximum number of fields in one message that are unknown, or that a later field replaces.

Messages that are parsed without a scan are too short to contain more.
"""
# Number of fields between two yields to the event loop, about 2 to 4 ms.
_SLICE_FIELDS: Final = 4 * 1_024
# Maximum nesting depth of messages and groups, as in the Protobuf parser.
_MAX_DEPTH: Final = 100
# Maximum sizes of a varint, and of a tag or a length, bytes.
_MAX_VARINT: Final = 10
_MAX_TAG: Final = 5
_LENGTH: Final = 2
_GROUP, _END_GROUP = 3, 4
# Package of the contract. Strings of other packages have no default bound.
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
# Bytes of a varint that are not its last byte.
_CONTINUED: Final = bytes(range(0x80, 0x100))
_FIXED_64: Final = frozenset(
    {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64}
)
_STRINGS: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})


class _Kind(IntEnum):
    """Kind of a field, which decides the check of its values."""

    SINGLE = auto()
    STRING = auto()
    MESSAGE = auto()
    MANY = auto()
    MESSAGES = auto()
    PACKED = auto()
    ITEM = auto()


class _Field:
    """Properties of one field in one wire type."""

    __slots__ = ("bound", "child", "kind", "name", "number", "others", "width")

    def __init__(self, field: FieldDescriptor, kind: _Kind, bound: Bound, width: int) -> None:
        self.name = field.name
        self.number = field.number
        self.kind = kind
        self.bound = bound
        self.width = width
        """Size of one packed value, bytes."""
        self.child: MessageShape | None = None
        oneof = field.containing_oneof
        self.others = tuple(
            other.number for other in (oneof.fields if oneof else ()) if other is not field
        )
        """Numbers of the other fields in the oneof, which this field replaces."""


class MessageShape:
    """Fields of a message type, by tag.

    Args:
        descriptor: Descriptor of the message type.
        bounds: Bounds by full name of the field. Every repeated field needs one.
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
        path: Prefix of field names in violations; empty, or with a dot at its end.
        cuts: True to separate the items from the rest of the message.
    """

    __slots__ = ("_cuts", "_left", "_path", "_raw", "_surplus", "item_count", "items")

    def __init__(self, raw: bytes, path: str = "", *, cuts: bool = False) -> None:
        self._raw = raw
        self._path = path
        self._cuts = cuts
        self._left = _SLICE_FIELDS
        self._surplus = 0
        self.item_count = 0
        """Number of items found."""
        self.items: list[tuple[int, int]] = []
        """Start and end offset of each item in the message; empty without ``cuts``."""

    def steps(self, shape: MessageShape) -> Generator[None, None, bytes]:
        """Scan the message, and yield every few milliseconds.

        Returns:
            Bytes of the message without its items; empty without ``cuts``.

        Raises:
            DecodeError: The bytes are not a message of this type.
            InvalidInput: A field is above its bound, or too many fields are unknown or replaced.
        """
        try:
            return (yield from self._message(0, len(self._raw), shape, {}, self._path))
        except IndexError:
            raise DecodeError from None

    def _message(  # noqa: PLR0912 - one branch a kind of field, and no call for most fields
        self, at: int, end: int, shape: MessageShape, scope: dict[int, Any], path: str
    ) -> Generator[None, None, bytes]:
        """Scan one message at any nesting level.

        Args:
            at: Offset of its first byte.
            end: Offset after its last byte.
            shape: Fields of its type.
            scope: Counts and flags of its fields so far, by field number.
            path: Prefix of field names in violations.

        Returns:
            As :meth:`steps`.
        """
        raw, fields, kept, kept_to = self._raw, shape.fields, bytearray(), at
        while at < end:
            self._left -= 1
            # All nesting levels share one counter, so that the time between two yields stays
            # constant.
            if not self._left:
                self._left = _SLICE_FIELDS
                yield
            begin, tag = at, raw[at]
            at += 1
            if tag > 0x7F:
                tag, at = self._varint(begin, _MAX_TAG)
            if tag & 7 == _LENGTH and raw[at] < 0x80:  # one-byte length, as in most fields: no call
                value = at + 1
                at = value + raw[at]
                if at > end:
                    raise DecodeError
            else:
                value, at = self._value(tag, at, end)
            if tag < 8:  # Field number 0 is invalid outside a group.
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
            # Protobuf allows a message field to repeat and merges the values. The number of
            # repetitions has no bound of its own, so it counts as surplus.
            if before is not inner:
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
        """Remove the state of the other fields in the oneof."""
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
        """Return the start and the end offset of the value after a tag."""
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
        """Return the offset after a group. All fields in a group are unknown."""
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
        """Return the number of values in a packed field."""
        if (end - at) % field.width:
            raise DecodeError
        if field.width == 1:  # The last byte of a varint is below 0x80.
            return len(self._raw[at:end].translate(None, _CONTINUED))
        return (end - at) // field.width

    def _varint(self, at: int, most: int) -> tuple[int, int]:
        """Return a tag or a length, and the offset after it.

        The parser refuses varints with more bytes than ``most`` or values above 32 bits, so this
        scan does too.
        """
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

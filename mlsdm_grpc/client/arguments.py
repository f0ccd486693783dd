"""Conversion of client arguments to message fields, with all local checks before sending.

:func:`message` converts each value according to the descriptor of its field, so every method checks
arguments in the same way. It raises ``InvalidInput`` for a wrong type, for a value that protobuf
cannot encode, and for a value beyond a limit of the contract. The error names the argument and says
what to send instead; it may contain a short value, but never a credential. The server checks ranges
of numbers and everything that depends on a space.
"""

from __future__ import annotations

import json
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc.client.values import (
    HINT_CHARS,
    MAX_SINGLE,
    duration,
    embedding,
    flag,
    integer,
    invalid,
    iterated,
    named,
    number,
    string,
    timestamp,
    wrong_type,
)
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages import bounds, forms, limits

__all__ = ["each", "instance", "known", "message", "some", "source", "within"]

MessageT = TypeVar("MessageT", bound=Message)

# Required format of texts, by field name.
_FORMS: Final[Mapping[str, forms.Form]] = {
    "space": forms.SPACE,
    "memory_id": forms.MEMORY_ID,
    "stream_id": forms.MEMORY_ID,
    "conversation_id": forms.MEMORY_ID,
    "labels": forms.LABEL,
    "add_labels": forms.LABEL,
    "remove_labels": forms.LABEL,
    "category": forms.LABEL,
    "language": forms.LANGUAGE,
    "embedder_model": forms.MODEL,
    "embedding_model": forms.MODEL,
}
# Fields whose value must not be empty; repeated fields are not listed, they may be empty.
_REQUIRED: Final = frozenset(
    f"mlsdm.v1.{name}"
    for name in (
        "GetMemoryRequest.memory_id",
        "UpdateMemoryRequest.memory_id",
        "DeleteMemoryRequest.memory_id",
        "QueryMemoriesRequest.text",
        "MemoryQuery.text",
        "GenerateRequest.prompt",
        "StreamGenerateRequest.prompt",
        "EvaluateContentRequest.text",
        "RepairSpeechRequest.text",
        "CreateSpaceRequest.space",
        "UpdateSpaceRequest.etag",
        "SetPolicyRequest.etag",
        "DrainRequest.reason",
        "SetTenantRequest.etag",
        "SpaceConfig.embedder_model",
        "OntologyCategory.category",
    )
)
# Maximum size of one item, bytes, for repeated fields whose items have no format.
_ITEM_BYTES: Final = {"stop_sequences": limits.MAX_STOP_BYTES}


def message(kind: type[MessageT], /, **given: object) -> MessageT:
    """Return a message of a class with the given field values.

    Args:
        kind: Class of the message.
        given: Values by field name: texts, numbers, booleans, names or numbers of enumeration
            values, iterables of strings, mappings of strings, vectors, datetimes with a time zone,
            timedeltas, messages, and lists of messages. None omits an optional field, a map or a
            message.

    Raises:
        InvalidInput: A value is not valid; the error describes the first such value.
    """
    fields: Mapping[str, Any] = kind.DESCRIPTOR.fields_by_name
    converted: dict[str, Any] = {
        name: _converted(fields[name], value) for name, value in given.items()
    }
    return kind(**converted)


@contextmanager
def within(path: str) -> Iterator[None]:
    """Prefix the field names of errors raised inside, for example ``queries[0].text``."""
    try:
        yield
    except InvalidInput as error:
        (violation,) = error.violations
        raise invalid(f"{path}.{violation.field}", violation.description) from None


def known(kind: type, given: Mapping[str, object]) -> None:
    """Check that all keyword arguments are keys of a TypedDict.

    Raises:
        InvalidInput: A keyword is unknown.
    """
    for name in given:
        if name not in kind.__annotations__:
            raise invalid(
                name, f"unknown argument; the arguments are {', '.join(kind.__annotations__)}"
            )


def instance(name: str, value: object, kind: type[MessageT]) -> MessageT:
    """Return the value if it is a message of this class.

    Raises:
        InvalidInput: The value has another type.
    """
    if isinstance(value, kind):
        return value
    maker = ", as new_memory() makes it" if kind.__name__ == "Memory" else ""
    raise wrong_type(name, f"a message {kind.__name__}{maker}", value)


def some(name: str, wanted: str, values: object, bound: bounds.Bound) -> list[Any]:
    """Return the items of an iterable as a list.

    Raises:
        InvalidInput: The value is not iterable, or has more items than ``bound`` allows.
    """
    if isinstance(values, str):
        instead = f"[{json.dumps(values)}]" if len(values) <= HINT_CHARS else ""
        raise wrong_type(name, wanted, values, instead)
    given = list(islice(iterated(name, wanted, values), bound.limit + 1))
    if len(given) > bound.limit:
        raise invalid(name, bound.description)
    return given


def each(name: str, values: object, kind: type[MessageT]) -> Iterator[MessageT]:
    """Yield the messages of an iterable. A collection is checked at once, an iterator item by item.

    Raises:
        InvalidInput: The value is not iterable, or contains an item of another type.
    """

    def checked(given: Iterable[object]) -> Iterator[MessageT]:
        for index, value in enumerate(given):
            yield instance(f"{name}[{index}]", value, kind)

    if isinstance(values, kind):
        raise wrong_type(name, f"an iterable of {kind.__name__}", values, "a list of it")
    given = iterated(name, f"an iterable of {kind.__name__}", values)
    if isinstance(values, Collection):
        for _ in checked(values):
            pass
    return checked(given)


def source(
    name: str, values: object, kind: type[MessageT]
) -> Iterator[MessageT] | AsyncIterator[MessageT]:
    """Return the same as :func:`each`; asynchronous iterables are accepted too."""
    if isinstance(values, AsyncIterable):
        return _each_async(name, values, kind)
    return each(name, values, kind)


async def _each_async(
    name: str, values: AsyncIterable[object], kind: type[MessageT]
) -> AsyncIterator[MessageT]:
    index = 0
    async for value in values:
        yield instance(f"{name}[{index}]", value, kind)
        index += 1


def _converted(field: FieldDescriptor, value: object) -> Any:
    kind = field.message_type
    is_map = kind is not None and kind.GetOptions().map_entry
    if value is None and (is_map or _is_optional(field)):
        return None
    if is_map:
        return _metadata(field.name, value)
    if field.is_repeated and field.enum_type is not None:
        return _choices(field, field.enum_type, value)
    if field.is_repeated:
        return value if kind is not None else _strings(field, value)
    if kind is not None:
        convert = _MESSAGES.get(kind.full_name)
        if convert is not None:
            return convert(field.name, value)
        return instance(field.name, value, GetMessageClass(kind))
    if field.enum_type is not None:
        return named(field.name, field.enum_type, value)
    return _SCALARS[field.cpp_type](field, value)


def _is_optional(field: FieldDescriptor) -> bool:
    """Return True if None may stand for an absent field; a member of a oneof cannot be absent."""
    choice = field.containing_oneof
    return field.has_presence and (choice is None or choice.name.startswith("_"))


def _text(field: FieldDescriptor, value: object) -> str:
    if field.is_repeated:
        most = _ITEM_BYTES.get(field.name, bounds.STRING.limit)
    else:
        most = bounds.BOUNDS.get(field.full_name, bounds.STRING).limit
    text = string(field.name, value, max_bytes=most)
    if not text and (field.is_repeated or field.full_name in _REQUIRED):
        raise invalid(field.name, "must not be empty")
    form = _FORMS.get(field.name)
    if text and form is not None and not form.fits(text):
        raise invalid(field.name, form.description)
    return text


def _strings(field: FieldDescriptor, value: object) -> list[str]:
    given = some(field.name, "a list of strings", value, bounds.BOUNDS[field.full_name])
    for index, text in enumerate(given):
        with _saying(field.name, f"item {index}"):
            _text(field, text)
    return given


def _choices(field: FieldDescriptor, kind: EnumDescriptor, value: object) -> list[int]:
    given = some(field.name, "a list of names", value, bounds.BOUNDS[field.full_name])
    return [named(field.name, kind, each) for each in given]


def _metadata(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise wrong_type(name, "a mapping of strings to strings", value)
    given, size = {}, 0
    for key, content in value.items():
        with _saying(name, "a key"):
            size += len(string(name, key).encode())
        with _saying(name, f"the value of {json.dumps(key[:HINT_CHARS])}"):
            size += len(string(name, content).encode())
        given[key] = content
    if size > limits.MAX_METADATA_BYTES:
        raise invalid(name, bounds.Bound(limits.MAX_METADATA_BYTES).violation(size))
    return given


def _whole(bits: int) -> Callable[[FieldDescriptor, object], int]:
    high = 2 ** (bits - 1) - 1
    return lambda field, value: integer(field.name, value, low=-high - 1, high=high)


_SCALARS: Final[Mapping[int, Callable[[FieldDescriptor, object], Any]]] = {
    FieldDescriptor.CPPTYPE_STRING: _text,
    FieldDescriptor.CPPTYPE_BOOL: lambda field, value: flag(field.name, value),
    FieldDescriptor.CPPTYPE_INT32: _whole(32),
    FieldDescriptor.CPPTYPE_INT64: _whole(64),
    FieldDescriptor.CPPTYPE_DOUBLE: lambda field, value: number(field.name, value),
    FieldDescriptor.CPPTYPE_FLOAT: lambda field, value: number(
        field.name, value, low=-MAX_SINGLE, high=MAX_SINGLE
    ),
}
# Converters of Python values to messages, by full name of the message.
_MESSAGES: Final[Mapping[str, Callable[[str, object], Message]]] = {
    Timestamp.DESCRIPTOR.full_name: timestamp,
    Duration.DESCRIPTOR.full_name: duration,
    Embedding.DESCRIPTOR.full_name: embedding,
}


@contextmanager
def _saying(name: str, part: str) -> Iterator[None]:
    """Add the part of the argument to the text of errors raised inside."""
    try:
        yield
    except InvalidInput as error:
        raise invalid(name, f"{part} {error.violations[0].description}") from None

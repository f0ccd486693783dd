"""Parsing of requests. Large requests, and requests whose items are charged, are scanned first.

A large message with items is never parsed as a whole. Its items are parsed one by one, in slices of
the event loop. So no message blocks the loop, or takes a multiple of its size in RAM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.messages.bounds import ITEMS, SCAN_BYTES, WHOLE_BYTES, Bound
from mlsdm_grpc.protection.fair_limiter import FEW, LoopTurns, Turn
from mlsdm_grpc.wire.scan import MessageScan, MessageShape

__all__ = ["Parts", "Reader"]

MessageT = TypeVar("MessageT", bound=Message)
ItemT = TypeVar("ItemT", bound=Message)
_T = TypeVar("_T")


class Parts(Generic[MessageT, ItemT]):
    """Request and its items.

    Args:
        message: Request, without its items if ``items`` are bytes.
        items: Items, as messages or in serialised form.
        reader: Parser of serialised items.
    """

    def __init__(
        self, message: MessageT, items: Sequence[ItemT | memoryview], reader: Reader
    ) -> None:
        self.message = message
        self.whole = not items or not isinstance(items[0], memoryview)
        """True if the message contains its items."""
        self._items = items
        self._count = len(items)
        self._reader = reader

    def __len__(self) -> int:
        return self._count

    async def each(
        self,
        work: Callable[[int, ItemT], _T],
        path: Callable[[int], str],
        *,
        faulty: Callable[[InvalidInput], _T] | None = None,
    ) -> list[_T]:
        """Return the results of ``work`` for all items, computed in slices of the event loop.

        Afterwards the serialised items are released.

        Args:
            work: Function of an index and its item.
            path: Function from an index to the path of the item in violations, with a dot at its
                end.
            faulty: Function from the error of an invalid item to its result. Without it, the error
                is raised.

        Raises:
            InvalidInput: MESSAGE_MALFORMED or FIELD_INVALID.
        """
        worked = _tolerant(work, faulty)
        # A few items take less time than the wait for a slice.
        if self.whole and len(self) <= FEW:
            return [worked(index, item) for index, item in enumerate(self._items)]  # type: ignore[arg-type] # messages
        made = list[_T]()
        async with self._reader.turns.taken() as turn:
            for index, item in enumerate(self._items):
                message: ItemT | InvalidInput
                if isinstance(item, memoryview):
                    message = await self._reader.item(bytes(item), path(index), turn)
                else:
                    message = item
                made.append(worked(index, message))
                if turn.is_over:
                    await turn.pause()
        # A serialised request may have several megabytes and is no longer needed.
        self._items = ()
        return made


def _tolerant(
    work: Callable[[int, ItemT], _T], faulty: Callable[[InvalidInput], _T] | None
) -> Callable[[int, ItemT | InvalidInput], _T]:
    """Return ``work`` as a function that also accepts the error of an item in place of the item."""

    def worked(index: int, item: ItemT | InvalidInput) -> _T:
        try:
            if isinstance(item, InvalidInput):
                raise item
            return work(index, item)
        except InvalidInput as error:
            if faulty is None or not error.violations:
                raise
            return faulty(error)

    return worked


class Reader:
    """Parser of the requests of one method.

    Args:
        method: Path of the method.
        request_type: Message type of its requests.
        bounds: Bounds by full name of the field.
        turns: Scheduler that gives slices of the event loop.
    """

    def __init__(
        self,
        method: str,
        request_type: type[Message],
        bounds: Mapping[str, Bound],
        turns: LoopTurns,
    ) -> None:
        self.turns = turns
        self._method = method
        self._type: Any = request_type
        descriptor: Any = request_type.DESCRIPTOR
        self.descriptor = descriptor
        """Descriptor of the request type."""
        self._path: Final = ITEMS.get(self.descriptor.full_name, ())
        self._shape = MessageShape(descriptor, bounds, self._path)
        self._item_type: Any = _item_type(self._type, self._path)
        self._item_shape = MessageShape(self._item_type.DESCRIPTOR, bounds)

    def parse(self, raw: bytes) -> Any:
        """Parse a small request. A request with items is returned as :class:`Parts`.

        Raises:
            InvalidInput: MESSAGE_MALFORMED.
        """
        message = self._parsed(self._type, raw)
        if not self._path:
            return message
        return Parts(message, attrgetter(".".join(self._path))(message), self)

    async def read(self, raw: bytes, charge: Callable[[int], object] | None = None) -> Any:
        """Parse a request of any size. A request with items is returned as :class:`Parts`.

        Args:
            raw: Serialised request.
            charge: Called with the number of items before any is parsed. Its exception ends the
                read. With it, small requests are scanned too.

        Raises:
            InvalidInput: MESSAGE_MALFORMED, or FIELD_INVALID for a field above its bound.
        """
        if len(raw) <= SCAN_BYTES and charge is None:
            return self.parse(raw)
        cuts = bool(self._path) and len(raw) > WHOLE_BYTES
        # The scan of a small message takes less time than the wait for a slice.
        taken: AbstractAsyncContextManager[Turn | None] = (
            nullcontext() if len(raw) <= SCAN_BYTES else self.turns.taken()
        )
        async with taken as turn:
            scan = MessageScan(raw, cuts=cuts)
            outer = await self._scanned(scan, self._shape, turn)
            if charge is not None:
                charge(scan.item_count)
            if not cuts:
                return self.parse(raw)
            view = memoryview(raw)
            items = [view[begin:end] for begin, end in scan.items]
            return Parts(self._parsed(self._type, outer), items, self)

    async def item(self, raw: bytes, path: str, turn: Turn) -> Any:
        """Return one parsed item, or the error of a field above its bound.

        Args:
            raw: Serialised item.
            path: Path of the item in violations, with a dot at its end.
            turn: Current slice of the event loop.

        Raises:
            InvalidInput: MESSAGE_MALFORMED.
        """
        if len(raw) > SCAN_BYTES:
            try:
                await self._scanned(MessageScan(raw, path), self._item_shape, turn)
            except InvalidInput as error:
                if not error.violations:
                    raise
                return error
        return self._parsed(self._item_type, raw)

    async def _scanned(self, scan: MessageScan, shape: MessageShape, turn: Turn | None) -> bytes:
        """Scan a message, and return its bytes without the items."""
        steps = scan.steps(shape)
        try:
            while True:
                next(steps)
                if turn is not None:
                    await turn.pause()
        except StopIteration as end:
            outer: bytes = end.value
            return outer
        except DecodeError:
            raise self.malformed() from None

    def _parsed(self, kind: type[MessageT], raw: bytes) -> MessageT:
        try:
            return kind.FromString(raw)
        except DecodeError:
            raise self.malformed() from None

    def malformed(
        self, message: str = "The bytes are not a message of the request type."
    ) -> InvalidInput:
        """Return the error for bytes that are not a valid message."""
        return InvalidInput(message, reason="MESSAGE_MALFORMED", metadata={"method": self._method})


def _item_type(request_type: Any, path: Sequence[str]) -> Any:
    """Return the message type at a path in a request type; the type itself for an empty path."""
    kind = request_type
    for name in path:
        field = kind.DESCRIPTOR.fields_by_name[name]
        kind = GetMessageClass(field.message_type)
    return kind

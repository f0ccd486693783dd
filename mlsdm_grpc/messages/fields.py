"""Validation of single fields. Each check returns the domain value or records a violation.

A request is refused with all its violations at once, at most sixteen. No violation repeats content
of the request.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from mlsdm_grpc._gen.mlsdm.v1 import embedding_pb2
from mlsdm_grpc.core.model.new_memory import Float32, Vector
from mlsdm_grpc.core.store.kernel import inverse_norm
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.messages import bounds, forms, limits
from mlsdm_grpc.messages.blank import is_blank
from mlsdm_grpc.messages.times import time_ns

if TYPE_CHECKING:
    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper as EnumTypeWrapper

__all__ = ["BLANK", "Fields"]

BLANK: Final = "must not be white space and invisible characters only"

_MAX_VIOLATIONS = 16


_EnumT = TypeVar("_EnumT", bound=enum.IntEnum)


class FieldChecks:
    """Collector of violations, with checks of numbers, durations, texts and enum values."""

    def __init__(self) -> None:
        self._violations: list[FieldViolation] = []

    def fault(self, path: str, description: str) -> None:
        """Record a violation. After sixteen, further ones are dropped."""
        if len(self._violations) < _MAX_VIOLATIONS:
            self._violations.append(FieldViolation(path, description))

    @property
    def has_violations(self) -> bool:
        """True if a violation was recorded."""
        return bool(self._violations)

    def check(self) -> None:
        """Raise ``InvalidInput`` if a violation was recorded."""
        if self._violations:
            raise InvalidInput(violations=self._violations)

    def number(self, path: str, value: float, *, low: float = 0.0, high: float = 1.0) -> float:
        """Check that a number is finite and in [``low``, ``high``], and return it."""
        if not (math.isfinite(value) and low <= value <= high):
            self.fault(path, f"must be a number from {low:g} to {high:g}")
        return value

    def count(self, path: str, value: int, *, low: int, high: int) -> int:
        """Check that a number is in [``low``, ``high``], and return it."""
        if not low <= value <= high:
            self.fault(path, f"must be from {low} to {high}")
        return value

    def known(self, path: str, value: int, default: _EnumT, names: EnumTypeWrapper[Any]) -> _EnumT:
        """Return an enum value as the type of ``default``.

        ``default`` replaces 0 and values that the contract does not define.
        """
        kind = type(default)
        return kind(value) if self.listed(path, value, names) and value else default

    def listed(self, path: str, value: int, names: EnumTypeWrapper[Any]) -> bool:
        """Return True if the contract defines an enum value, or if it is 0."""
        if not value or value in names.values():
            return True
        self._not_among(path, [name for name, number in names.items() if number])
        return False

    def _not_among(self, path: str, names: Sequence[str]) -> None:
        self.fault(path, f"must be one of {', '.join(names)}")

    def duration(self, path: str, message: Duration, *, low: float, high: float) -> float:
        """Check that a duration is in [``low``, ``high``] seconds, and return it in seconds."""
        return self.number(path, message.seconds + message.nanos / 1e9, low=low, high=high)

    def moment(self, path: str, message: Message, name: str) -> int | None:
        """Return a timestamp field in Unix nanoseconds, or None if it is absent."""
        if not message.HasField(name):
            return None
        moment_ns = time_ns(getattr(message, name))
        if not -(2**63) < moment_ns < 2**63:
            self.fault(path, "must be between the years 1678 and 2261")
            return None
        return moment_ns

    def size(self, path: str, actual: int, limit: int) -> None:
        """Record a violation if ``actual`` exceeds ``limit``, both in bytes."""
        if actual > limit:
            self.fault(path, f"has {actual} bytes; at most {limit} are allowed")

    def text(
        self,
        path: str,
        value: str,
        *,
        required: bool = False,
        max_bytes: int = limits.MAX_TEXT_BYTES,
    ) -> str:
        """Check the size of a text in bytes, and return it. A required text must not be blank."""
        if required and not value:
            self.fault(path, "must not be empty")
        elif required and is_blank(value):
            self.fault(path, BLANK)
        self.size(path, len(value) if value.isascii() else len(value.encode()), max_bytes)
        return value


class Fields(FieldChecks):
    """Collector of violations, with checks of the fields of the contract."""

    def space(self, value: str, *, required: bool = False) -> str:
        """Return the name of a space. Unless required, an empty one is replaced by ``default``."""
        if (value or required) and not forms.SPACE.fits(value):
            self.fault("space", forms.SPACE.description)
        return value or limits.DEFAULT_SPACE

    def request_id(self, value: str) -> bytes:
        """Return the 16 bytes of a UUID; empty for an absent id."""
        if not value:
            return b""
        if forms.REQUEST_ID.fits(value):
            return bytes.fromhex(value.replace("-", ""))
        self.fault("request_id", forms.REQUEST_ID.description)
        return b""

    def stream_id(self, value: str) -> str:
        """Check the syntax of a stream id, and return it."""
        if not forms.MEMORY_ID.fits(value):
            self.fault("open.stream.stream_id", forms.MEMORY_ID.description)
        return value

    def memory_id(self, path: str, value: str, *, required: bool = False) -> str:
        """Check the syntax of a memory id, and return it."""
        if (value or required) and not forms.MEMORY_ID.fits(value):
            self.fault(path, forms.MEMORY_ID.description)
        return value

    def min_revision(self, value: int) -> int:
        """Return the minimum revision of the state that a read may use."""
        if value < 0:
            self.fault("min_revision", "must not be negative")
        return value

    def reason(self, value: str) -> str:
        """Check the length of an operator's reason for a change, and return it."""
        if not 1 <= len(value) <= limits.MAX_REASON_CHARS:
            self.fault("reason", f"must have 1 to {limits.MAX_REASON_CHARS} characters")
        return value

    def labels(self, path: str, values: Sequence[str]) -> tuple[str, ...]:
        """Return labels as a sorted tuple without duplicates."""
        if not values:
            return ()
        if len(values) > bounds.LABELS.limit:
            self.fault(path, bounds.LABELS.description)
        elif not all(map(forms.LABEL.fits, values)):
            self.fault(path, f"each {forms.LABEL.description}")
        return tuple(sorted(set(values)))

    def label(self, path: str, value: str) -> str:
        """Check the syntax of a label, and return it."""
        if not forms.LABEL.fits(value):
            self.fault(path, forms.LABEL.description)
        return value

    def page_size(self, value: int) -> int:
        """Return the number of entries in a page; the default replaces 0."""
        if value < 0:
            self.fault("page_size", "must not be negative")
        return min(value or limits.DEFAULT_PAGE_SIZE, limits.MAX_PAGE_SIZE)

    def metadata(self, path: str, values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Return metadata as pairs, sorted by key."""
        if not values:
            return ()
        total = sum(len(key.encode()) + len(value.encode()) for key, value in values.items())
        self.size(path, total, limits.MAX_METADATA_BYTES)
        return tuple(sorted(values.items()))

    def model(self, path: str, value: str) -> str:
        """Return the name of a model; empty if absent."""
        if len(value) > limits.MAX_MODEL_CHARS:
            self.fault(path, f"at most {limits.MAX_MODEL_CHARS} characters are allowed")
        return value

    def components(self, path: str, message: embedding_pb2.Embedding) -> Vector:
        """Return a vector with ``inv_norm`` 0. Its numbers and its norm are not checked."""
        kind = message.WhichOneof("encoding")
        raw: Float32
        if kind == "f32_le":
            raw = self._packed(path, message.f32_le, "<f4", 4)
        elif kind == "f16_le":
            raw = self._packed(path, message.f16_le, "<f2", 2)
        else:
            raw = np.array(message.floats.values, np.float32)
        if not 1 <= len(raw) <= limits.MAX_DIMENSION:
            self.fault(path, f"must have 1 to {limits.MAX_DIMENSION} components")
        return Vector(raw, 0.0)

    def embedding(self, path: str, message: embedding_pb2.Embedding) -> Vector:
        """Return a vector of finite numbers with a norm of at least ``limits.MIN_NORM``."""
        vector = self.components(path, message)
        raw = vector.raw
        if not 1 <= len(raw) <= limits.MAX_DIMENSION:
            return vector
        # The inverse of the norm is kept, because all later steps use it.
        if scale := inverse_norm(raw):
            return Vector(raw, scale)
        if np.isfinite(raw).all():
            self.fault(path, bounds.norm_violation(float(np.linalg.norm(raw.astype(np.float64)))))
        else:
            self.fault(path, "has components that are not finite numbers")
        return Vector(raw, 0.0)

    def _packed(self, path: str, data: bytes, dtype: str, width: int) -> Float32:
        if len(data) % width:
            self.fault(path, f"has {len(data)} bytes, which is not a multiple of {width}")
            return np.ones(1, np.float32)
        packed = np.frombuffer(data, dtype)
        if packed.dtype == np.float32:
            return packed
        with np.errstate(invalid="ignore"):
            return packed.astype(np.float32)

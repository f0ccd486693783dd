"""Conversion and checks of single argument values.

A value raises ``InvalidInput`` if it has a wrong type, is out of range, or cannot be encoded in the
message. The error names the argument and says what to send instead; it may contain a short value,
but never a credential.
"""

from __future__ import annotations

import json
import math
import operator
import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from numbers import Number
from typing import Any, Final

import numpy as np
from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mlsdm_grpc._gen.mlsdm.v1.embedding_pb2 import Embedding
from mlsdm_grpc.errors import FieldViolation, InvalidInput
from mlsdm_grpc.messages import bounds, forms, limits

__all__ = [
    "HINT_CHARS",
    "MAX_SINGLE",
    "credential",
    "duration",
    "embedding",
    "flag",
    "integer",
    "invalid",
    "iterated",
    "named",
    "number",
    "patience",
    "string",
    "tenant_name",
    "timeout",
    "timestamp",
    "write_request_id",
    "wrong_type",
]

HINT_CHARS: Final = 64
"""Maximum length of a value that an error repeats, characters."""
MAX_SINGLE: Final = float(np.finfo(np.float32).max)
_MAX_DOUBLE: Final = float(np.finfo(np.float64).max)
_MAX_SPAN: Final = timedelta(seconds=limits.MAX_TTL_S)
# Maximum timeout, seconds. grpc takes a few times this value as a deadline in the past.
_MAX_TIMEOUT_S: Final = 1e9
_MAX_TENANT: Final = 63
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def invalid(name: str, description: str) -> InvalidInput:
    """Return the error for an invalid argument."""
    violation = FieldViolation(name, description)
    return InvalidInput(f"{name}: {description}.", violations=[violation])


def write_request_id(request_id: object) -> str:
    """Return the ``request_id`` of a write and all its retries; a new UUID if none is given.

    Raises:
        InvalidInput: The value is not a UUID.
    """
    given = "" if request_id is None else string("request_id", request_id)
    try:
        return str(uuid.UUID(given) if given else uuid.uuid4())
    except ValueError:
        raise invalid("request_id", forms.REQUEST_ID.description) from None


def credential(token: object) -> str:
    """Return a token as a header value, without surrounding white space; empty for None.

    Raises:
        InvalidInput: The token is not a valid header value.
    """
    if token is None:
        return ""
    if not isinstance(token, str):
        raise wrong_type("token", "a string", token)
    given = token.strip()
    if (token and not given) or not all(" " <= character <= "~" for character in given):
        raise invalid("token", "must be printable ASCII characters on one line, as a header needs")
    room = limits.MAX_CREDENTIAL_BYTES - len("Bearer ")
    if len(given) > room:
        raise invalid("token", bounds.Bound(room).violation(len(given)))
    return given


def tenant_name(tenant: object) -> str:
    """Return the name of a tenant; empty for None.

    Raises:
        InvalidInput: The value is not a valid tenant name.
    """
    if tenant is None:
        return ""
    given = string("tenant", tenant, max_bytes=_MAX_TENANT)
    if _TENANT.fullmatch(given) is None:
        raise invalid("tenant", f"must match {_TENANT.pattern}")
    return given


def string(name: str, value: object, *, max_bytes: int | None = None) -> str:
    """Return a string after checking that UTF-8 can encode it in at most ``max_bytes`` bytes."""
    if not isinstance(value, str):
        raise wrong_type(name, "a string", value, _as_text(value))
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError as error:
        problem = f"has a lone surrogate at character {error.start}, which UTF-8 cannot carry"
        hint = 'send value.encode("utf-8", "replace").decode()'
        raise invalid(name, f"{problem}; {hint}") from None
    if max_bytes is not None and size > max_bytes:
        raise invalid(name, bounds.Bound(max_bytes).violation(size))
    return value


def integer(name: str, value: object, *, low: int, high: int) -> int:
    """Return an integer in [low, high]."""
    try:
        if isinstance(value, bool):
            raise TypeError
        found = operator.index(value)  # type: ignore[arg-type] # raises TypeError for other types
    except TypeError:
        raise wrong_type(name, "a whole number", value, _as_number(int, value)) from None
    if not low <= found <= high:
        raise invalid(name, f"must be from {low} to {high}")
    return found


def number(
    name: str, value: object, *, low: float = -_MAX_DOUBLE, high: float = _MAX_DOUBLE
) -> float:
    """Return a number in [low, high]; NaN is refused, and so is infinity by default."""
    if not hasattr(value, "__float__") or isinstance(value, np.ndarray):
        raise wrong_type(name, "a number", value, _as_number(float, value))
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not low <= found <= high:
        raise invalid(name, f"must be {_range(low, high)}")
    return found


def timeout(value: object) -> float:
    """Return a timeout, seconds; a negative one means that the deadline has passed."""
    return number("timeout_s", value, high=_MAX_TIMEOUT_S)


def patience(value: object) -> float:
    """Return the time limit of a stream without progress, seconds; may be infinite."""
    return number("patience_s", value, low=0.0, high=math.inf)


def named(name: str, kind: EnumDescriptor, value: object) -> int:
    """Return the number of an enumeration value; the argument is its number or short name."""
    prefix = kind.values[0].name.removesuffix("UNSPECIFIED")
    numbers = {each.name.removeprefix(prefix).lower(): each.number for each in kind.values}
    found = numbers.get(value.lower()) if isinstance(value, str) else value
    is_flag = isinstance(found, bool)
    if isinstance(found, int | np.integer) and not is_flag and found in numbers.values():
        return int(found)
    names = ", ".join(f'"{short}"' for short, number in numbers.items() if number)
    raise invalid(name, f"must be one of {names}")


def embedding(name: str, value: object) -> Embedding:
    """Return a vector as little-endian float32 bytes.

    Raises:
        InvalidInput: The value is not a one-dimensional sequence of 1 to 4,096 finite numbers, or
            its norm is below 1e-9.
    """
    try:
        row = np.asarray(value)
        if row.dtype.kind not in "biufO":
            raise TypeError
        with np.errstate(over="ignore", invalid="ignore"):
            row = row.astype("<f4", copy=False)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise wrong_type(name, "a list of numbers or an array of floats", value) from error
    if row.ndim != 1:
        raise invalid(name, f"must have one dimension, has {row.ndim}")
    if not 1 <= len(row) <= limits.MAX_DIMENSION:
        raise invalid(name, f"must have 1 to {limits.MAX_DIMENSION} components, has {len(row)}")
    if not np.isfinite(row).all():
        raise invalid(name, "has components that are not finite numbers in single precision")
    wide = row.astype(np.float64)
    square = float(np.dot(wide, wide))
    if square < limits.MIN_NORM**2:
        raise invalid(name, bounds.norm_violation(math.sqrt(square)))
    return Embedding(f32_le=row.tobytes())


def flag(name: str, value: object) -> bool:
    """Return a boolean; 1 and 0 are accepted too."""
    if not isinstance(value, int | np.bool_ | np.integer) or value not in {0, 1}:
        raise wrong_type(name, "True or False", value)
    return bool(value)


def timestamp(name: str, value: object) -> Timestamp:
    """Return a datetime with a time zone as a timestamp message."""
    if not isinstance(value, datetime):
        raise wrong_type(name, "a datetime with a time zone", value, _as_datetime(value))
    if value.utcoffset() is None:
        raise invalid(name, "has no time zone; send value.astimezone() if it is local time")
    moment = Timestamp()
    try:
        moment.FromDatetime(value)
    except OverflowError:  # near year 1 or 9999, where the conversion to UTC overflows
        raise invalid(name, "must be between the years 1 and 9999 in UTC") from None
    return moment


def duration(name: str, value: object) -> Duration:
    """Return a timedelta as a duration message."""
    if not isinstance(value, timedelta):
        seconds = _as_number(float, value)
        instead = f"timedelta(seconds={seconds})" if seconds else ""
        raise wrong_type(name, "a timedelta", value, instead)
    if not -_MAX_SPAN <= value <= _MAX_SPAN:
        raise invalid(name, f"must be at most {_MAX_SPAN.days} days")
    span = Duration()
    span.FromTimedelta(value)
    return span


def iterated(name: str, wanted: str, value: object) -> Iterator[Any]:
    """Return an iterator over an iterable that is not a string."""
    try:
        if isinstance(value, str | bytes | bytearray):
            raise TypeError
        return iter(value)  # type: ignore[call-overload, no-any-return] # raises TypeError for other types
    except TypeError:
        raise wrong_type(name, wanted, value) from None


def wrong_type(name: str, wanted: str, value: object, instead: str = "") -> InvalidInput:
    """Return the error for a value of a wrong type."""
    kind = "None" if value is None else type(value).__name__
    hint = f"; send {instead}" if instead else ""
    return invalid(name, f"must be {wanted}, is {kind}{hint}")


def _range(low: float, high: float) -> str:
    if low == -_MAX_DOUBLE:
        return "a finite number" + ("" if high == _MAX_DOUBLE else f" of at most {high:g}")
    return f"a number from {low:g} to {high:g}" if high < math.inf else f"at least {low:g}"


def _as_text(value: object) -> str:
    """Return code that makes a string of the value, for an error message; empty if not possible."""
    if isinstance(value, bytes):
        return 'value.decode("utf-8")'
    try:
        text = json.dumps(str(value)) if isinstance(value, Number | uuid.UUID) else ""
    except ValueError:  # an integer with too many digits to print
        return ""
    return text if len(text) <= HINT_CHARS else ""


def _as_number(kind: type[int | float], value: object) -> str:
    """Return the number that the value stands for, for an error message; empty if there is none."""
    try:
        found = kind(value) if isinstance(value, str | int | float) else math.nan
        text = str(found) if math.isfinite(found) and found == float(value) else ""  # type: ignore[arg-type] # checked by kind(value)
    except (ValueError, OverflowError):
        return ""
    return text if len(text) <= HINT_CHARS else ""


def _as_datetime(value: object) -> str:
    """Return code that makes a datetime of the value, for an error message; empty if none does."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return ""
    if moment is None:
        return ""
    zone = "" if moment.tzinfo else ".astimezone()"
    return f"datetime.fromisoformat({json.dumps(value)}){zone}"

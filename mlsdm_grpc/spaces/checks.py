"""Checks before a record is written or a worker is called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from mlsdm_grpc.core.mind.compatibility import Part, unkept
from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.new_memory import Vector
from mlsdm_grpc.core.model.outcome import Outcome
from mlsdm_grpc.core.model.parameters import SpaceParameters
from mlsdm_grpc.errors import (
    RETRY_SOON_S,
    DeadlineExceeded,
    FieldViolation,
    InternalError,
    InvalidInput,
    PreconditionFailed,
    Unavailable,
    dimension_mismatch,
)
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.spaces.directory import space_not_found
from mlsdm_grpc.spaces.space import Space

__all__ = [
    "check_deadline",
    "check_dimensions",
    "check_embedded",
    "check_kept",
    "embedder_not_configured",
    "embedder_unavailable",
    "expect",
    "join",
    "parameters_of",
    "seen",
]

_UPGRADES: Final = "space.upgrade_semantics"
_OutcomeT = TypeVar("_OutcomeT", bound=Outcome)


def parameters_of(space: Space) -> SpaceParameters:
    """Return the parameters of an existing space."""
    if space.view is None:
        raise InternalError("A space in use has no state.")
    return space.view.parameters


def seen(view: SpaceView | None, key: SpaceKey) -> SpaceView:
    """Return the state of an existing space.

    Raises:
        NotFound: SPACE_NOT_FOUND.
    """
    if view is None:
        raise space_not_found(key)
    return view


def check_deadline(deadline_s: float) -> None:
    """Raise DeadlineExceeded if the deadline has passed; must not be called after an append."""
    if asyncio.get_running_loop().time() >= deadline_s:
        raise DeadlineExceeded(
            "The deadline passed before the work began; nothing was written.",
            reason="DEADLINE_EXPIRED",
        )


def check_dimensions(
    key: SpaceKey, parameters: SpaceParameters, vectors: Sequence[Vector], *, is_new: bool = False
) -> None:
    """Raise PreconditionFailed for a vector whose dimension differs from that of the space."""
    for vector in vectors:
        if len(vector.raw) != parameters.dimension:
            raise dimension_mismatch(
                parameters.dimension, len(vector.raw), key.space, is_new=is_new
            )


def check_embedded(vectors: Mapping[str, Vector]) -> None:
    """Raise InvalidInput for texts whose vectors are zero; ``vectors`` is by path of the text."""
    violations = [
        FieldViolation(path, "has no word that the embedder knows; send other text or an embedding")
        for path, vector in vectors.items()
        if vector.inv_norm == 0.0
    ]
    if violations:
        raise InvalidInput(violations=violations)


def check_kept(key: SpaceKey, version: int, parts: Iterable[Part]) -> None:
    """Raise an error for fields of a request that a space does not support.

    Args:
        key: The space.
        version: Version of the rules of the space.
        parts: Parts of the request.

    Raises:
        PreconditionFailed: SEMANTICS_UNSUPPORTED.
    """
    for part in parts:
        if (found := unkept(part, version)) is not None:
            raise PreconditionFailed(
                f"{found.field}: needs semantics version {found.version}; the space has version"
                f" {version}. The server upgrades its spaces if {_UPGRADES} is set.",
                reason="SEMANTICS_UNSUPPORTED",
                metadata={
                    "space": key.space,
                    "field": found.field,
                    "setting": _UPGRADES,
                    "expected": str(found.version),
                    "actual": str(version),
                },
            )


def embedder_not_configured() -> PreconditionFailed:
    """Return the error for a text on a server without an embedder."""
    return PreconditionFailed(
        "No embedder is configured on this server; send an embedding.",
        reason="EMBEDDER_NOT_CONFIGURED",
    )


def embedder_unavailable(model_id: str = "") -> Unavailable:
    """Return the error for texts whose embedder failed before the write."""
    return Unavailable(
        "The embedder did not answer; nothing was written. Retry, or send an embedding.",
        reason="EMBEDDER_UNAVAILABLE",
        metadata={"model": model_id},
        retry_after_s=RETRY_SOON_S,
    )


def join(path: str, field: str) -> str:
    """Return the path of a field in the message at ``path``."""
    return f"{path}.{field}" if path else field


def expect(outcome: Outcome | None, kind: type[_OutcomeT]) -> _OutcomeT:
    """Return an outcome, which must be of the given type.

    Raises:
        InternalError: The outcome is None or of another type.
    """
    if not isinstance(outcome, kind):
        raise InternalError(f"The outcome is {type(outcome).__name__}, not {kind.__name__}.")
    return outcome

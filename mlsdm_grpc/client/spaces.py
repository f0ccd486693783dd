"""Client methods for spaces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import TypedDict, Unpack

from google.protobuf.descriptor import EnumDescriptor

from mlsdm_grpc._gen.mlsdm.v1 import space_service_pb2 as service_pb2
from mlsdm_grpc._gen.mlsdm.v1.space_pb2 import (
    MoralConfig,
    MoralPolicy,
    OntologyCategory,
    RecallConfig,
    RecallPhase,
    RhythmConfig,
    Space,
    SpaceConfig,
    SynapticConfig,
    SynapticScaling,
)
from mlsdm_grpc.client.arguments import known, message, within
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.messages import Vector
from mlsdm_grpc.client.values import embedding, invalid, named, write_request_id, wrong_type
from mlsdm_grpc.messages.bounds import CATEGORIES

__all__ = ["SpaceSettings", "Spaces", "space_config"]


class SpaceSettings(TypedDict, total=False):
    """Settings of a space; see :func:`space_config`."""

    dimension: int | None
    capacity: int | None
    embedder_model: str | None
    moral_policy: str | None
    base_threshold: float | None
    ceiling: float | None
    wake_step_count: int | None
    sleep_step_count: int | None
    sleep_gate: bool | None
    synaptic_scaling: str | None
    default_ttl: timedelta | None
    read_only: bool | None
    min_store_confidence: float | None
    merge_min_cosine: float | None
    ontology: Mapping[str, Vector] | None
    recall_phase: str | None


def space_config(**settings: Unpack[SpaceSettings]) -> SpaceConfig:
    """Return settings as a message; omitted settings and None keep the default or current value.

    Args:
        settings: Fields of ``SpaceConfig``. General: dimension, capacity, embedder_model,
            default_ttl (a timedelta; zero means never), read_only, min_store_confidence,
            merge_min_cosine, ontology (a vector for each category). Moral filter: moral_policy
            (``"vigilant"`` or ``"homeostatic"``), base_threshold, ceiling. Rhythm: wake_step_count,
            sleep_step_count, sleep_gate. Traces: synaptic_scaling (``"normalized"`` or
            ``"legacy"``). Recall: recall_phase (``"all"`` or ``"band"``), the phases searched by a
            query that names none.

    Raises:
        InvalidInput: A setting is unknown, or its value is not valid.
    """
    known(SpaceSettings, settings)
    return message(
        SpaceConfig,
        dimension=settings.get("dimension"),
        capacity=settings.get("capacity"),
        embedder_model=settings.get("embedder_model"),
        default_ttl=settings.get("default_ttl"),
        read_only=settings.get("read_only"),
        min_store_confidence=settings.get("min_store_confidence"),
        merge_min_cosine=settings.get("merge_min_cosine"),
        ontology=_ontology(settings.get("ontology")),
        moral=message(
            MoralConfig,
            policy=_named("moral_policy", MoralPolicy.DESCRIPTOR, settings),
            base_threshold=settings.get("base_threshold"),
            ceiling=settings.get("ceiling"),
        ),
        rhythm=message(
            RhythmConfig,
            wake_step_count=settings.get("wake_step_count"),
            sleep_step_count=settings.get("sleep_step_count"),
            sleep_gate=settings.get("sleep_gate"),
        ),
        synaptic=message(
            SynapticConfig,
            scaling=_named("synaptic_scaling", SynapticScaling.DESCRIPTOR, settings),
        ),
        recall=message(
            RecallConfig, phase=_named("recall_phase", RecallPhase.DESCRIPTOR, settings)
        ),
    )


def _named(name: str, kind: EnumDescriptor, settings: SpaceSettings) -> int:
    value = settings.get(name)
    return 0 if value is None else named(name, kind, value)


def _ontology(vectors: object) -> list[OntologyCategory]:
    if vectors is None:
        return []
    if not isinstance(vectors, Mapping):
        raise wrong_type("ontology", "a mapping of names to vectors", vectors)
    if len(vectors) > CATEGORIES.limit:
        raise invalid("ontology", CATEGORIES.description)
    categories = []
    for index, (name, vector) in enumerate(vectors.items()):
        with within(f"ontology[{index}]"):
            category = message(OntologyCategory, category=name)
            category.embedding.CopyFrom(embedding("embedding", vector))
            categories.append(category)
    return categories


class Spaces(ClientBase):
    """Client methods that create, configure and list spaces."""

    async def create_space(
        self,
        space: str,
        *,
        validate_only: bool = False,
        request_id: str | None = None,
        timeout_s: float | None = None,
        **settings: Unpack[SpaceSettings],
    ) -> service_pb2.CreateSpaceResponse:
        """Create a space. The first write to a missing space creates it with the server's defaults.

        Args:
            space: Name of the space.
            validate_only: Check the request without writing.
            request_id: UUID of this write; None creates one.
            timeout_s: Deadline, seconds; None uses the client's.
            settings: See :func:`space_config`.

        Raises:
            AlreadyExists: A space with this name exists.
            PreconditionFailed: The server does not have the embedder ``embedder_model``.
        """
        write_id = write_request_id(request_id)
        request = message(
            service_pb2.CreateSpaceRequest,
            space=space,
            config=space_config(**settings),
            request_id=write_id,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._spaces.CreateSpace, request, timeout_s=timeout_s, write_id=write_id
        )

    async def get_space(
        self,
        space: str | None = None,
        *,
        min_revision: int | None = None,
        timeout_s: float | None = None,
    ) -> service_pb2.GetSpaceResponse:
        """Return a space with its settings.

        Args:
            space: Name of the space; None uses the client's.
            min_revision: Minimum revision of the space for the response.
            timeout_s: Deadline, seconds; None uses the client's.

        Raises:
            NotFound: The space does not exist.
        """
        request = message(
            service_pb2.GetSpaceRequest, space=self._space(space), min_revision=min_revision
        )
        return await self._connection.unary(self._spaces.GetSpace, request, timeout_s=timeout_s)

    async def update_space(
        self,
        space: str | None = None,
        *,
        etag: str,
        validate_only: bool = False,
        request_id: str | None = None,
        timeout_s: float | None = None,
        **settings: Unpack[SpaceSettings],
    ) -> service_pb2.UpdateSpaceResponse:
        """Change settings of a space; omitted settings keep their value.

        Args:
            space: Name of the space; None uses the client's.
            etag: Etag of the space, from :meth:`get_space`.
            validate_only: Check the request without writing.
            request_id: UUID of this write; None creates one.
            timeout_s: Deadline, seconds; None uses the client's.
            settings: See :func:`space_config`.

        Raises:
            NotFound: The space does not exist.
            Conflict: The space has changed since it was read.
            PreconditionFailed: The settings conflict with the content of the space.
        """
        write_id = write_request_id(request_id)
        request = message(
            service_pb2.UpdateSpaceRequest,
            space=self._space(space),
            config=space_config(**settings),
            etag=etag,
            request_id=write_id,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._spaces.UpdateSpace, request, timeout_s=timeout_s, write_id=write_id
        )

    async def list_spaces(
        self, *, page_size: int = 0, timeout_s: float | None = None
    ) -> AsyncIterator[Space]:
        """Yield the spaces of the tenant, oldest first, page by page.

        Args:
            page_size: Spaces on a page, at most 1,000; 0 uses the server's default.
            timeout_s: Deadline of each page, seconds; None uses the client's.
        """
        request = message(service_pb2.ListSpacesRequest, page_size=page_size)
        while True:
            page = await self._connection.unary(
                self._spaces.ListSpaces, request, timeout_s=timeout_s
            )
            for space in page.spaces:
                yield space
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

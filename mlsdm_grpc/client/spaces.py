"""The spaces themselves: creating, configuring and listing them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import TypedDict, Unpack

from google.protobuf.duration_pb2 import Duration

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
from mlsdm_grpc.client.base import ClientBase
from mlsdm_grpc.client.connection import new_request_id
from mlsdm_grpc.client.messages import Vector, embedding_message, named

__all__ = ["SpaceSettings", "Spaces", "space_config"]


class SpaceSettings(TypedDict, total=False):
    """Settings of a space; see :func:`space_config`."""

    dimension: int
    capacity: int
    embedder_model: str
    moral_policy: str
    base_threshold: float
    ceiling: float
    wake_step_count: int
    sleep_step_count: int
    sleep_gate: bool
    synaptic_scaling: str
    default_ttl: timedelta
    read_only: bool
    min_store_confidence: float
    merge_min_cosine: float
    ontology: Mapping[str, Vector]
    recall_phase: str


def space_config(**settings: Unpack[SpaceSettings]) -> SpaceConfig:
    """Return settings for the wire; what is not given keeps its default or its value.

    Args:
        settings: Fields of ``SpaceConfig``: dimension, capacity, embedder_model, default_ttl (a
            timedelta; zero means never), read_only, min_store_confidence, merge_min_cosine,
            ontology (a vector for each category); of the moral filter moral_policy
            (``"vigilant"`` or ``"homeostatic"``), base_threshold and ceiling; of the rhythm
            wake_step_count, sleep_step_count and sleep_gate; of the traces synaptic_scaling
            (``"normalized"`` or ``"legacy"``); of recall recall_phase (``"all"`` or ``"band"``:
            where a query looks that names no phase).

    Raises:
        InvalidInput: A vector is not one-dimensional, or a name is unknown.
    """
    policy = settings.get("moral_policy") or "unspecified"
    scaling = settings.get("synaptic_scaling") or "unspecified"
    recall_phase = settings.get("recall_phase") or "unspecified"
    config = SpaceConfig(
        dimension=settings.get("dimension"),
        capacity=settings.get("capacity"),
        embedder_model=settings.get("embedder_model"),
        read_only=settings.get("read_only"),
        min_store_confidence=settings.get("min_store_confidence"),
        merge_min_cosine=settings.get("merge_min_cosine"),
        ontology=[
            OntologyCategory(category=name, embedding=embedding_message(vector))
            for name, vector in settings.get("ontology", {}).items()
        ],
        moral=MoralConfig(
            policy=named(MoralPolicy, "moral_policy", policy),
            base_threshold=settings.get("base_threshold"),
            ceiling=settings.get("ceiling"),
        ),
        rhythm=RhythmConfig(
            wake_step_count=settings.get("wake_step_count"),
            sleep_step_count=settings.get("sleep_step_count"),
            sleep_gate=settings.get("sleep_gate"),
        ),
        synaptic=SynapticConfig(scaling=named(SynapticScaling, "synaptic_scaling", scaling)),
        recall=RecallConfig(phase=named(RecallPhase, "recall_phase", recall_phase)),
    )
    if "default_ttl" in settings:
        ttl = Duration()
        ttl.FromTimedelta(settings["default_ttl"])
        config.default_ttl.CopyFrom(ttl)
    return config


class Spaces(ClientBase):
    """Creates, configures and lists spaces."""

    async def create_space(
        self,
        space: str,
        *,
        validate_only: bool = False,
        request_id: str | None = None,
        timeout_s: float | None = None,
        **settings: Unpack[SpaceSettings],
    ) -> service_pb2.CreateSpaceResponse:
        """Create a space; one with the server's defaults comes to be by its first write.

        Args:
            space: Its name.
            validate_only: Check only, write nothing.
            request_id: UUID of this write; None makes one.
            timeout_s: Deadline, seconds; None is the client's.
            settings: As in :func:`space_config`.

        Raises:
            AlreadyExists: There is a space of this name.
            PreconditionFailed: The server does not have that embedder.
        """
        write_id = request_id or new_request_id()
        request = service_pb2.CreateSpaceRequest(
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
        """Return a space with its settings; None is the client's.

        Raises:
            NotFound: There is none of this name.
        """
        request = service_pb2.GetSpaceRequest(space=self._space(space), min_revision=min_revision)
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
        """Change settings of a space; what is not given stays.

        Args:
            space: Its name; None is the client's.
            etag: Of the space, from :meth:`get_space`.
            validate_only: Check only, write nothing.
            request_id: UUID of this write; None makes one.
            timeout_s: Deadline, seconds; None is the client's.
            settings: As in :func:`space_config`.

        Raises:
            NotFound: There is none of this name.
            Conflict: The space was changed since it was read.
            PreconditionFailed: The settings contradict what the space holds.
        """
        write_id = request_id or new_request_id()
        request = service_pb2.UpdateSpaceRequest(
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
            page_size: Spaces a page, at most 1,000; 0 is the server's default.
            timeout_s: Deadline of each page, seconds; None is the client's.
        """
        request = service_pb2.ListSpacesRequest(page_size=page_size)
        while True:
            page = await self._connection.unary(
                self._spaces.ListSpaces, request, timeout_s=timeout_s
            )
            for space in page.spaces:
                yield space
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

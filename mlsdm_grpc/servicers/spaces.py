"""SpaceService: the spaces of a tenant and their settings."""

from __future__ import annotations

import asyncio

from mlsdm_grpc._gen.mlsdm.v1 import space_service_pb2
from mlsdm_grpc.core.model.bodies import UpdateSpace
from mlsdm_grpc.journal.protocol import SpaceKey
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.spaces.catalogue import Catalogue
from mlsdm_grpc.wire import requests, spaces
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.pages import decode_page_token, encode_page_token

__all__ = ["SpaceServicer"]


class SpaceServicer:
    """Servicer of ``mlsdm.v1.SpaceService``.

    Args:
        catalogue: Operations on spaces.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def CreateSpace(  # noqa: N802 - the contract's name
        self, request: space_service_pb2.CreateSpaceRequest, call: Call
    ) -> space_service_pb2.CreateSpaceResponse:
        fields = Fields()
        key = SpaceKey(call.principal.tenant, fields.space(request.space, required=True))
        ticket = requests.ticket(fields, call, request, request.request_id)
        # The config may have megabytes of vectors, so other tasks run between the steps.
        await asyncio.sleep(0)
        change = spaces.space_change(fields, request.config)
        fields.check()
        validate_only = request.validate_only
        del request
        await asyncio.sleep(0)
        if validate_only:
            parameters, revision = await self._catalogue.preview_create(key, change, ticket)
            space = spaces.planned_space(key.space, parameters)
        else:
            view, revision = await self._catalogue.create(key, change, ticket)
            space = spaces.space_message(key.space, view)
        return space_service_pb2.CreateSpaceResponse(space=space, revision=revision)

    async def GetSpace(  # noqa: N802 - the contract's name
        self, request: space_service_pb2.GetSpaceRequest, call: Call
    ) -> space_service_pb2.GetSpaceResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        view = await self._catalogue.get(key, min_revision=min_revision, deadline_s=call.deadline_s)
        return space_service_pb2.GetSpaceResponse(
            space=spaces.space_message(key.space, view), revision=view.revision
        )

    async def ListSpaces(  # noqa: N802 - the contract's name
        self, request: space_service_pb2.ListSpacesRequest, call: Call
    ) -> space_service_pb2.ListSpacesResponse:
        fields = Fields()
        page_size = fields.page_size(request.page_size)
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        the_list = SpaceKey(call.principal.tenant, "")
        page = await self._catalogue.page(
            call.principal.tenant,
            after=decode_page_token(request.page_token, the_list, ()),
            limit=page_size,
            min_revision=min_revision,
            deadline_s=call.deadline_s,
        )
        grants = call.principal.spaces
        return space_service_pb2.ListSpacesResponse(
            spaces=(
                spaces.listed_space(each)
                for each in page.spaces
                if grants is None or each.name in grants
            ),
            next_page_token=encode_page_token(the_list, (), page.after) if page.after else "",
            revision=page.revision,
        )

    async def UpdateSpace(  # noqa: N802 - the contract's name
        self, request: space_service_pb2.UpdateSpaceRequest, call: Call
    ) -> space_service_pb2.UpdateSpaceResponse:
        fields = Fields()
        key = requests.space_key(fields, call, request.space)
        ticket = requests.ticket(fields, call, request, request.request_id)
        if not request.HasField("config"):
            fields.fault("config", "is required")
        if not request.etag:
            fields.fault("etag", "is required")
        # The config may have megabytes of vectors, so other tasks run between the steps.
        await asyncio.sleep(0)
        change = spaces.space_change(fields, request.config)
        fields.check()
        await asyncio.sleep(0)
        update = self._catalogue.preview_update if request.validate_only else self._catalogue.update
        view, revision = await update(key, UpdateSpace(request.etag, change), ticket)
        return space_service_pb2.UpdateSpaceResponse(
            space=spaces.space_message(key.space, view), revision=revision
        )

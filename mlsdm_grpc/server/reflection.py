"""Server reflection under its current name and its old one, which some tools still use.

grpcio-reflection supports only v1alpha (https://github.com/grpc/grpc/issues/38576), and its
servicer needs grpc.aio. The messages of v1 have the same encoding, so one servicer serves both. The
v1 file descriptor is derived from that of v1alpha, so that the service can be described under its
new name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from google.protobuf.descriptor import FileDescriptor

    from mlsdm_grpc.server.router import Router
    from mlsdm_grpc.wire.call import Call

__all__ = ["ALPHA", "V1", "add_reflection"]

ALPHA: Final = "grpc.reflection.v1alpha.ServerReflection"
V1: Final = "grpc.reflection.v1.ServerReflection"

_V1_FILE: Final = "grpc/reflection/v1/reflection.proto"
_INVALID_ARGUMENT: Final = 3
_NOT_FOUND: Final = 5


def add_reflection(router: Router, services: Iterable[str], *, permission: str = "") -> None:
    """Add reflection under both names.

    Args:
        router: Router of the server.
        services: Full names of the other services to list.
        permission: Permission that callers need; empty if they need no credential.
    """
    pool = descriptor_pool.Default()
    _add_v1_file(pool)
    servicer = _Reflection(sorted((*services, ALPHA, V1)), pool)
    service = pb.DESCRIPTOR.services_by_name["ServerReflection"]
    for name in (V1, ALPHA):
        router.add(service, servicer, name=name, permission=permission)


class _Reflection:
    """Descriptions of the services in a pool of descriptors."""

    def __init__(self, services: list[str], pool: descriptor_pool.DescriptorPool) -> None:
        self._services = services
        self._pool = pool

    async def ServerReflectionInfo(  # noqa: N802 - the name of the RPC
        self, requests: AsyncIterator[pb.ServerReflectionRequest], _call: Call
    ) -> AsyncIterator[pb.ServerReflectionResponse]:
        """Answer each request; what is unknown is an answer with an error, not the end."""
        async for request in requests:
            try:
                response = self._answer(request)
            except KeyError:
                response = _failed(_NOT_FOUND, "not found")
            response.original_request.CopyFrom(request)
            yield response

    def _answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        pool = self._pool
        kind = request.WhichOneof("message_request")
        if kind == "file_by_filename":
            return _described(pool.FindFileByName(request.file_by_filename))
        if kind == "file_containing_symbol":
            return _described(self._file_of(request.file_containing_symbol))
        if kind == "file_containing_extension":
            wanted = request.file_containing_extension
            extended = pool.FindMessageTypeByName(wanted.containing_type)
            extension = pool.FindExtensionByNumber(extended, wanted.extension_number)
            return _described(pool.FindFileContainingSymbol(extension.full_name))
        if kind == "all_extension_numbers_of_type":
            extended = pool.FindMessageTypeByName(request.all_extension_numbers_of_type)
            numbers = sorted(each.number for each in pool.FindAllExtensions(extended))
            return pb.ServerReflectionResponse(
                all_extension_numbers_response=pb.ExtensionNumberResponse(
                    base_type_name=extended.full_name, extension_number=numbers
                )
            )
        if kind == "list_services":
            named = [pb.ServiceResponse(name=name) for name in self._services]
            return pb.ServerReflectionResponse(
                list_services_response=pb.ListServiceResponse(service=named)
            )
        return _failed(_INVALID_ARGUMENT, "the field message_request of the request is not set")

    def _file_of(self, symbol: str) -> FileDescriptor:
        """Return the file of a symbol; the pool itself does not know methods as symbols."""
        service, _, method = symbol.rpartition(".")
        try:
            found = self._pool.FindServiceByName(service)
            if method in found.methods_by_name:
                return found.file
        except KeyError:
            pass
        return self._pool.FindFileContainingSymbol(symbol)


def _described(file: FileDescriptor) -> pb.ServerReflectionResponse:
    """Return a file and all files that it imports, each once, the file itself first."""
    files = {file.name: file}
    waiting = [file]
    while waiting:
        for each in waiting.pop().dependencies:
            if each.name not in files:
                files[each.name] = each
                waiting.append(each)
    return pb.ServerReflectionResponse(
        file_descriptor_response=pb.FileDescriptorResponse(
            file_descriptor_proto=[each.serialized_pb for each in files.values()]
        )
    )


def _failed(code: int, message: str) -> pb.ServerReflectionResponse:
    return pb.ServerReflectionResponse(
        error_response=pb.ErrorResponse(error_code=code, error_message=message)
    )


def _add_v1_file(pool: descriptor_pool.DescriptorPool) -> None:
    """Add the v1 file to the pool, unless another package has added it."""
    try:
        pool.FindFileContainingSymbol(V1)
    except KeyError:
        pass
    else:
        return
    file = FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    old = f".{file.package}."
    file.name = _V1_FILE
    file.package = V1.rpartition(".")[0]
    new = f".{file.package}."
    for message in file.message_type:
        for field in message.field:
            # An empty type name must stay absent.
            if field.type_name:
                field.type_name = field.type_name.replace(old, new, 1)
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(old, new, 1)
        method.output_type = method.output_type.replace(old, new, 1)
    pool.AddSerializedFile(file.SerializeToString())

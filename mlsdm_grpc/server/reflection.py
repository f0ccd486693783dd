"""Server reflection under its current name and its old one, which some tools still use.

grpcio-reflection supports only v1alpha (https://github.com/grpc/grpc/issues/38576). The messages of
v1 have the same encoding, so one servicer serves both. A v1 file descriptor is derived from that of
v1alpha, so that reflection can describe itself under the new name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlsdm_grpc.server.grpc_aio import Router

__all__ = ["ALPHA", "V1", "add_reflection"]

ALPHA: Final = "grpc.reflection.v1alpha.ServerReflection"
V1: Final = "grpc.reflection.v1.ServerReflection"

_V1_FILE: Final = "grpc/reflection/v1/reflection.proto"


def add_reflection(router: Router, services: Iterable[str], *, permission: str = "") -> None:
    """Add reflection under both names.

    Args:
        router: Router of the server.
        services: Full names of the other services to list.
        permission: Permission that callers need; empty if they need no credential.
    """
    pool = descriptor_pool.Default()
    _add_v1_file(pool)
    names = (*services, ALPHA, V1)
    servicer = _Reflection(names, pool)  # type: ignore[no-untyped-call] # not annotated
    service = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
    for name in (V1, ALPHA):
        router.add(service, servicer, name=name, foreign=True, permission=permission)


class _Reflection(ReflectionServicer):
    """Standard servicer that also finds the symbols of methods."""

    def _file_containing_symbol(self, request: object, fully_qualified_name: str) -> object:
        service, _, method = fully_qualified_name.rpartition(".")
        try:
            if method in self._pool.FindServiceByName(service).methods_by_name:
                fully_qualified_name = service
        except KeyError:
            pass
        find = super()._file_containing_symbol
        return find(request, fully_qualified_name)  # type: ignore[no-untyped-call] # not annotated


def _add_v1_file(pool: descriptor_pool.DescriptorPool) -> None:
    """Add the v1 file to the pool, unless another package has added it."""
    try:
        pool.FindFileContainingSymbol(V1)
    except KeyError:
        pass
    else:
        return
    file = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
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

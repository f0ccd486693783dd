"""``mlsdm call``: any RPC of the contract with JSON, without another tool."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlsdm_grpc.cli.output import echo_document, message_dict
from mlsdm_grpc.cli.session import Session, with_session
from mlsdm_grpc.cli.texts import given_text, parsed
from mlsdm_grpc.errors import FieldViolation, InvalidInput

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

__all__ = ["call"]


@with_session(in_space=False, forms=("json", "jsonl"))
def call(
    method: Annotated[str, typer.Argument(help="SERVICE/METHOD, e.g. MemoryService/PutMemory.")],
    request: Annotated[
        str, typer.Argument(help="The request as JSON; - reads it from stdin.")
    ] = "{}",
    *,
    session: Session,
) -> None:
    """Call one RPC with JSON and print each response as JSON, indented on a terminal.

    An error is printed as JSON on standard error, with exit code 1. A write without a request_id
    gets one, so that it can be retried safely.
    """
    text = given_text(request)
    import anyio

    descriptor = _find(method)
    anyio.run(_print_answers, session, descriptor, _parse(descriptor, text), session.token())


def _services() -> "dict[str, ServiceDescriptor]":
    """Return all services by full name, and those of the contract by short name too."""
    from grpc_health.v1 import health_pb2

    from mlsdm_grpc.client.channel import CONTRACT_FILES

    found = {}
    for file in (health_pb2.DESCRIPTOR, *CONTRACT_FILES):
        for name, service in file.services_by_name.items():
            found[name] = found[service.full_name] = service
    return found


def _find(path: str) -> "MethodDescriptor":
    name, _, rpc = path.strip("/").partition("/")
    services = _services()
    service = services.get(name)
    if service is None:
        known = ", ".join(sorted(each for each in services if "." not in each))
        raise _invalid("SERVICE/METHOD", f"must be one of {known}")
    method = service.methods_by_name.get(rpc)
    if method is None:
        known = ", ".join(each.name for each in service.methods)
        raise _invalid("SERVICE/METHOD", f"must be one of the methods of {name}: {known}")
    if method.client_streaming:
        raise _invalid(
            "SERVICE/METHOD",
            "is a client-streaming method, which this command cannot call; use a client library",
        )
    return method


def _parse(method: "MethodDescriptor", text: str) -> "Message":
    from google.protobuf.message_factory import GetMessageClass

    from mlsdm_grpc.client.values import write_request_id

    try:
        message = parsed(text, GetMessageClass(method.input_type)())
    except ValueError as error:
        raise _invalid("JSON", str(error)) from None
    if "request_id" in method.input_type.fields_by_name and not getattr(message, "request_id"):  # noqa: B009 - known by its descriptor only
        message.MergeFrom(type(message)(request_id=write_request_id(None)))
    return message


async def _print_answers(
    session: Session, method: "MethodDescriptor", request: "Message", token: str | None
) -> None:
    from google.protobuf.message_factory import GetMessageClass

    from mlsdm_grpc.client.connection import Connection

    connection = Connection(
        session.target,
        token=token,
        timeout_s=session.timeout_s,
        credentials=session.credentials(),
    )
    arguments: dict[str, Any] = {
        "request_serializer": type(request).SerializeToString,
        "response_deserializer": GetMessageClass(method.output_type).FromString,
    }
    assert method.containing_service is not None  # noqa: S101 - every method has one
    path = f"/{method.containing_service.full_name}/{method.name}"
    try:
        if method.server_streaming:
            stream = connection.channel.unary_stream(path, **arguments)
            async for answer in connection.stream(stream, request, timeout_s=session.timeout_s):
                echo_document(message_dict(answer), session.form)
        else:
            unary = connection.channel.unary_unary(path, **arguments)
            write_id = str(getattr(request, "request_id", ""))
            answer = await connection.unary(unary, request, write_id=write_id)
            echo_document(message_dict(answer), session.form)
    finally:
        await connection.close()


def _invalid(field: str, problem: str) -> InvalidInput:
    return InvalidInput("The command is not valid.", violations=[FieldViolation(field, problem)])

"""Reports of commands of which one call fails."""

from __future__ import annotations

import asyncio
import builtins
import io
import sys

import pytest

from mlsdm_grpc._gen.mlsdm.v1.memory_service_pb2 import DeleteMemoryResponse
from mlsdm_grpc.cli import generate, health, memory_records
from mlsdm_grpc.cli.session import Session
from mlsdm_grpc.errors import ApiStatusError, NotFound, Unavailable


class Memories:
    """Client of a space with the memory ``a``; the server is lost at ``lost``."""

    def __init__(self) -> None:
        self.ids = {"a"}

    async def delete(self, memory_id, *, etag):
        if memory_id == "lost":
            raise Unavailable("The server is lost.", reason="")
        if memory_id not in self.ids:
            raise NotFound("It does not exist.", reason="MEMORY_NOT_FOUND")
        self.ids.remove(memory_id)
        assert etag == ""
        return DeleteMemoryResponse(revision=7)

    async def health(self, service):
        raise ApiStatusError(5, f"unknown service {service}")

    async def health_names(self):
        raise ApiStatusError(12, "no such method")


@pytest.fixture
def session(monkeypatch):
    monkeypatch.setattr(Session, "run", lambda _, work: asyncio.run(work(Memories())))
    return Session(target=None, token_file=None, timeout_s=1.0, form="table")


@pytest.mark.parametrize(
    ("ids", "missing_ok", "error", "told"),
    [
        (["a", "b", "a"], True, None, "DELETED a revision 7\nMISSING b\n"),
        (["a", "lost", "b"], True, Unavailable, "DELETED a revision 7\n"),
        (["a", "b"], False, NotFound, "DELETED a revision 7\n"),
    ],
)
def test_delete_tells_what_is_deleted_and_what_is_missing(
    ids, missing_ok, error, told, session, capsys
):
    delete = memory_records.delete.__wrapped__
    if error is None:
        delete(ids, missing_ok=missing_ok, session=session)
    else:
        with pytest.raises(error):
            delete(ids, missing_ok=missing_ok, session=session)
    assert capsys.readouterr().out == told


def test_an_unknown_service_is_told_by_a_server_without_a_list(session):
    with pytest.raises(ApiStatusError, match="unknown service nope"):
        health.health.__wrapped__(service="nope", watch=False, session=session)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_error_does_not_end_a_chat_of_a_person(session, monkeypatch, capsys):
    prompts, asked = iter(["first", "second"]), []

    def read(_: str) -> str:
        try:
            return next(prompts)
        except StopIteration:
            raise EOFError from None

    def run(*_: object) -> str:
        asked.append(1)
        raise Unavailable("The server is lost.", reason="")

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(builtins, "input", read)
    monkeypatch.setattr(Session, "run", run)
    generate.generate.__wrapped__(session=session)
    assert len(asked) == 2
    assert capsys.readouterr().err.count("UNAVAILABLE: The server is lost.") == 2

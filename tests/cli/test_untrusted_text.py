"""Texts of others: controls of terminals, names and paths that are no ASCII, files of contexts."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from mlsdm_grpc.cli.context_file import contexts_file, has_contexts
from mlsdm_grpc.cli.contexts import Contexts, ServerContext, chosen_context, load_contexts
from mlsdm_grpc.cli.output import echo, json_text
from mlsdm_grpc.errors import InvalidInput

HOSTILE = "\x1b]0;title\x07a\tb\r\nc\rd\x9b2J\u202e\x7f Größe \u200d"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_controls_reach_a_pipe_and_no_terminal(name, monkeypatch):
    for stream, shown in (
        (io.StringIO(), HOSTILE),
        (Terminal(), "\ufffd]0;title\ufffda\tb\nc\ufffdd\ufffd2J\ufffd\ufffd Größe \u200d"),
    ):
        monkeypatch.setattr(sys, name, stream)
        echo(HOSTILE, err=name == "stderr")
        assert stream.getvalue() == f"{shown}\n"


def test_json_escapes_every_control_and_keeps_the_value():
    text = json_text({HOSTILE: [HOSTILE]})
    assert json.loads(text) == {HOSTILE: [HOSTILE]}
    assert not any(each < " " or "\x7f" <= each <= "\x9f" for each in text)


@pytest.fixture
def file(tmp_path, monkeypatch):
    file = tmp_path / "config" / "contexts.toml"
    monkeypatch.setenv("MLSDM_CONTEXTS", str(file))
    monkeypatch.delenv("MLSDM_CONTEXT", raising=False)
    return file


def test_contexts_keep_all_texts_and_links(file, tmp_path):
    real = tmp_path / "real.toml"
    real.write_text("")
    real.chmod(0o644)
    file.parent.mkdir()
    file.symlink_to(real)
    contexts = load_contexts()
    given = ServerContext(target="h:1", token_file="/home/\U0001f600/\x7f\\")
    contexts.add("near", given)
    contexts.save()
    assert load_contexts().get("near") == chosen_context() == given
    assert file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    contexts.add("far", ServerContext(target="h:1", token_file="\udcff"))
    with pytest.raises(InvalidInput, match="UTF-8"):
        contexts.save()
    assert load_contexts().get("near") == given


def test_only_a_regular_file_is_replaced(file, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    file.parent.mkdir()
    file.symlink_to(pipe)
    contexts = Contexts({"near": ServerContext(target="h:1")})
    with pytest.raises(InvalidInput, match="is not a regular file"):
        contexts.save()
    assert (pipe.is_fifo(), file.is_symlink()) == (True, True)


def test_without_a_home_there_are_no_contexts(monkeypatch):
    monkeypatch.delenv("MLSDM_CONTEXTS", raising=False)
    monkeypatch.delenv("MLSDM_CONTEXT", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    # What the function returns for a user without an entry.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert contexts_file().is_absolute()
    assert (has_contexts(), chosen_context(), load_contexts().by_name) == (False, None, {})


def test_a_file_of_contexts_that_may_not_be_read_is_none(file, monkeypatch):
    file.parent.mkdir()
    file.write_text('current = "near"\n')
    monkeypatch.setattr("os.access", lambda *_: False)
    assert chosen_context() is None

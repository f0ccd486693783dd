"""``mlsdm import``, and the way out of a folder of another draft, as the docs show it."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from forks import ROOT, write_command

from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.sqlite.heads import Heads
from tests.cli.conftest import environment

SECTION = "### A folder of another draft\n"
STAYS = ("memory_id", "text", "embedding", "phase", "confidence", "labels", "metadata", "pinned")


@pytest.fixture
def run(mlsdm, target):
    def run(command, *arguments):
        return mlsdm(command, *arguments, MLSDM_TARGET=target)

    return run


def memories(result):
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.split("\n")[:-1]]


def kept(found):
    """Return the fields of memories that an import keeps, vectors in single precision."""
    return [{name: memory.get(name) for name in STAYS} for memory in found]


def test_an_import_gives_back_what_was_exported(run, tmp_path):
    here = ("--space", "here")
    run("put", "Anna owes Ben 10 euros.", "--label", "debt", "--metadata", "page=3", *here)
    run("put", "Two\u2028lines.\nAnd a third one.", "--pinned", "--memory-id", "mine", *here)
    exported = run("export", *here)
    file = tmp_path / "here.jsonl"
    file.write_text(exported.stdout, "utf-8")
    done = run("import", str(file), "--space", "there")
    assert (done.returncode, done.stdout) == (0, "2 created\n"), done.stderr
    assert kept(memories(run("export", "--space", "there"))) == kept(memories(exported))
    again = run("import", str(file), "--space", "there", "--json")
    assert again.returncode == 1
    told = json.loads(again.stdout)
    assert told["results"] == {"REFRESHED": 1, "MEMORY_EXISTS": 1}
    (problem,) = told["problems"]
    assert problem.startswith("line 2: ")


def test_a_copy_has_the_memories_of_a_space_embedded_again(run, tmp_path):
    old = ("--space", "old")
    run("put", "Anna owes Ben 10 euros.", "--label", "debt", "--metadata", "page=3", *old)
    run("put", "Two lines.", "--pinned", "--memory-id", "mine", "--context", "A poem.", *old)
    file = tmp_path / "vector"
    file.write_text(json.dumps([0.5] * 256))
    run("put", "By its caller.", "--memory-id", "own", "--embedding-file", str(file), *old)
    done = run("copy", "new", "--embedder", "wordllama", *old)
    assert (done.returncode, done.stdout) == (0, "new: 3 created\n"), done.stderr
    before, after = (
        memories(run("export", "--embeddings", "--space", name)) for name in ("old", "new")
    )
    assert kept(after) == kept(before)
    fields = ("embedding_model", "context")
    assert [[memory.get(name) for name in fields] for memory in after] == [
        [memory.get(name) for name in fields] for memory in before
    ]
    again = run("copy", "new", *old)
    assert (again.returncode, again.stdout) == (1, "")
    assert "SPACE_EXISTS" in again.stderr
    other = run("copy", "newer", "--embedder", "e5", *old)
    assert other.returncode == 1
    assert "EMBEDDER" in other.stderr


def test_nothing_is_sent_of_a_file_that_holds_no_memories(run, tmp_path):
    file = tmp_path / "bad.jsonl"
    for content, problem in [
        (b'{"text": "good"}\n{"text": 3}\n', "line 2"),
        (b"\xff\n", "is not UTF-8 text"),
    ]:
        file.write_bytes(content)
        done = run("import", str(file), "--space", "bad")
        assert (done.returncode, done.stdout) == (1, "")
        assert problem in done.stderr
    absent = run("import", str(tmp_path / "absent"), "--space", "bad")
    assert absent.returncode == 1
    file.write_bytes(b"")
    assert run("import", str(file), "--space", "bad").stdout == "nothing to store\n"
    assert run("export", "--space", "bad").returncode == 1  # it was never created


def remark(folder: Path) -> None:
    """Say that the folder was written under the next draft."""
    with closing(sqlite3.connect(folder / "journal.sqlite3")) as database, database:
        database.execute("UPDATE meta SET value = value + 1 WHERE key = 'semantics_draft'")
    heads = Heads(folder / "heads")
    heads.put_draft(semantics.DRAFT + 1)
    heads.close()


def shown() -> list[str]:
    """Return the commands of the section, block by block."""
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    section = text.split(SECTION)[1].split("\n## ")[0].split("\n### ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def shell(script: str, folder: Path, target: str) -> None:
    write_command(folder / "mlsdm")
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-ec", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env=environment(PATH=path, MLSDM_TARGET=target),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(120)
def test_the_way_out_of_a_folder_of_another_draft(serve, mlsdm, tmp_path):
    old, new, space = tmp_path / "old", tmp_path / "new", ("--space", "support")
    server = serve("--data-dir", str(old))
    mlsdm("put", "Anna owes Ben 10 euros.", "--label", "debt", *space, MLSDM_TARGET=server.target)
    mlsdm("put", "It rains.", "--metadata", "k=v", *space, MLSDM_TARGET=server.target)
    before = mlsdm("export", "--embeddings", *space, MLSDM_TARGET=server.target)
    exporting, importing = shown()
    shell(exporting, tmp_path, server.target)
    assert server.stop()[0] == 0

    remark(old)
    ports = ("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0")
    checked = mlsdm("check", *ports, "--data-dir", str(old))
    assert checked.returncode == 1
    (fault,) = [line for line in checked.stdout.splitlines() if line.startswith("FAIL")]
    for told in (fault, mlsdm("serve", *ports, "--data-dir", str(old)).stderr):
        assert f"draft {semantics.DRAFT + 1} of semantics version" in told
        assert "export its spaces, and import them into a new folder" in told
        assert "docs/operations.md, A folder of another draft" in told

    server = serve("--data-dir", str(new))
    shell(importing, tmp_path, server.target)
    after = mlsdm("export", "--embeddings", *space, MLSDM_TARGET=server.target)
    assert kept(memories(after)) == kept(memories(before))
    assert server.stop()[0] == 0
    checked = mlsdm("check", *ports, "--data-dir", str(new))
    assert f"rules: new spaces use semantics version 2, draft {semantics.DRAFT}" in checked.stdout

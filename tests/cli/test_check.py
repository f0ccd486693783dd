from __future__ import annotations

import json
import socket
import sqlite3
from contextlib import closing

import pytest

from mlsdm_grpc.cli import check as checks
from mlsdm_grpc.config import load_settings
from mlsdm_grpc.core.model import semantics
from mlsdm_grpc.journal.sqlite.heads import Heads

PORTS = ("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0")


def test_a_good_machine_passes(mlsdm, tmp_path):
    result = mlsdm("check", *PORTS, "--data-dir", str(tmp_path / "new"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())
    assert "will be created" in result.stdout
    assert "implementation upb" in result.stdout
    assert "wordllama, 256 dimensions" in result.stdout
    assert not (tmp_path / "new").exists()


def test_too_little_memory_is_told_with_both_figures_and_what_to_do(mlsdm):
    limit = {"MLSDM_PRESSURE__MEMORY_LIMIT_BYTES": str(90 * 2**20)}
    result = mlsdm("check", *PORTS, "--journal", "memory", **limit)
    assert result.returncode == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert "memory: the limit is 100 MiB and at least" in fault
    assert "raise it, or lower engine.workers (0)" in fault
    served = mlsdm("serve", *PORTS, "--journal", "memory", **limit)
    assert served.returncode == 1
    assert "the limit is 100 MiB and at least" in served.stderr
    assert served.stdout == ""
    assert "Traceback" not in served.stderr


def test_every_fault_has_a_line_that_says_what_to_do(mlsdm, tmp_path):
    (tmp_path / "file").write_text("not a folder", "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = mlsdm(
            "check",
            "--listen",
            f"127.0.0.1:{port}",
            "--ops",
            "127.0.0.1:0",
            "--data-dir",
            str(tmp_path / "file" / "data"),
            MLSDM_SECURITY__MODE="token",
            MLSDM_SECURITY__TOKENS_FILE=str(tmp_path / "absent.toml"),
        )
    assert result.returncode == 1
    faults = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert [fault.split(":")[0].removeprefix("FAIL  ") for fault in faults] == [
        "data port",
        "tokens file",
        "data folder",
        "sqlite",
    ]
    assert "change server.listen" in faults[0]
    assert "cannot be read" in faults[1]


def test_all_faults_of_the_settings_are_told_at_once(mlsdm, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(
        '[server]\nlisten = "nowhere"\ndrain_grace_s = -1\n[space]\nunknown = 1\n', "utf-8"
    )
    result = mlsdm("check", "--config", str(config), "-o", "jsonl")
    assert result.returncode == 1
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    assert {finding["name"] for finding in findings} == {
        "setting server.listen",
        "setting server.drain_grace_s",
        "setting space.unknown",
    }
    assert not any(finding["ok"] for finding in findings)


def test_variables_that_nothing_reads_are_named(mlsdm):
    result = mlsdm(
        "check", *PORTS, "--journal", "memory", MLSDM_LISTEN="x", MLSDM_TARGET="127.0.0.1:1"
    )
    assert result.returncode == 0
    assert "no setting uses MLSDM_LISTEN" in result.stdout
    assert "MLSDM_TARGET" not in result.stdout


def test_a_memory_journal_needs_no_folder(mlsdm):
    result = mlsdm("check", *PORTS, "--journal", "memory")
    assert "sqlite" not in result.stdout
    assert "data folder" not in result.stdout


@pytest.mark.parametrize(("embedder", "code"), [("none", 0), ("unknown", 1)])
def test_the_embedder_is_looked_at(mlsdm, embedder, code):
    result = mlsdm("check", *PORTS, "--journal", "memory", MLSDM_SPACE__EMBEDDER=embedder)
    assert result.returncode == code


def test_too_little_room_is_told_before_writes_are_refused(mlsdm, tmp_path):
    result = mlsdm(
        "check",
        *PORTS,
        "--data-dir",
        str(tmp_path),
        MLSDM_PRESSURE__DISK_RESERVE_BYTES=str(2**60),
    )
    assert result.returncode == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert fault.startswith("FAIL  room on disk: ")
    assert "pressure.disk_reserve_bytes" in fault


def test_the_language_models_are_looked_at(mlsdm, tmp_path):
    result = mlsdm("check", *PORTS, "--journal", "memory")
    assert "ok    language models: echo" in result.stdout
    (tmp_path / "key").write_text("sk-1\n")
    chain = {
        "MLSDM_LLM__PROVIDERS": '["openai", "anthropic"]',
        "MLSDM_LLM__OPENAI__KEY_FILE": str(tmp_path / "key"),
        "MLSDM_LLM__ANTHROPIC__KEY_FILE": str(tmp_path / "absent"),
    }
    result = mlsdm("check", *PORTS, "--journal", "memory", **chain)
    assert result.returncode == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert fault.startswith("FAIL  language models: llm.anthropic")
    assert "no setting uses" not in result.stdout


def test_a_host_that_is_not_allowed_is_a_fault(mlsdm):
    result = mlsdm(
        "check",
        *PORTS,
        "--journal",
        "memory",
        MLSDM_LLM__OPENAI__BASE_URL="https://elsewhere.example/v1",
        MLSDM_LLM__OPENAI__ALLOWED_HOSTS='["models.example"]',
    )
    assert result.returncode == 1
    assert "elsewhere.example, is not one of allowed_hosts" in result.stdout


def test_the_remote_embedder_is_looked_at(mlsdm, tmp_path):
    remote = {
        "MLSDM_SPACE__EMBEDDER": "openai",
        "MLSDM_EMBEDDER__KEY_FILE": str(tmp_path / "absent"),
    }
    result = mlsdm("check", *PORTS, "--journal", "memory", **remote)
    assert result.returncode == 1
    assert "FAIL  embedder: embedder" in result.stdout


def test_a_remote_embedder_needs_a_key_unless_told_otherwise(mlsdm):
    remote = {"MLSDM_SPACE__EMBEDDER": "openai"}
    result = mlsdm("check", *PORTS, "--journal", "memory", **remote)
    assert result.returncode == 1
    assert "FAIL  embedder: embedder.key_file: is required" in result.stdout
    result = mlsdm(
        "check", *PORTS, "--journal", "memory", MLSDM_EMBEDDER__KEY_REQUIRED="false", **remote
    )
    assert result.returncode == 0, result.stdout


def test_the_moderation_endpoint_is_looked_at(mlsdm, tmp_path):
    endpoint = {
        "MLSDM_GOVERNANCE__SCORER": "moderation",
        "MLSDM_GOVERNANCE__MODERATION__KEY_FILE": str(tmp_path / "absent"),
    }
    result = mlsdm("check", *PORTS, "--journal", "memory", **endpoint)
    assert result.returncode == 1
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("FAIL")]
    assert fault.startswith("FAIL  moderation: governance.moderation.key_file: ")
    assert str(tmp_path / "absent") in fault
    (tmp_path / "absent").write_text("key")
    assert mlsdm("check", *PORTS, "--journal", "memory", **endpoint).returncode == 0


@pytest.mark.parametrize("value", ["openai", '["openai"'])
def test_a_list_that_is_no_json_is_named(mlsdm, value):
    result = mlsdm(
        "check", *PORTS, "--journal", "memory", MLSDM_LLM__PROVIDERS=value, MLSDM_TARGET="x:1"
    )
    assert result.returncode == 1
    (fault,) = result.stdout.splitlines()
    assert fault.startswith("FAIL  setting MLSDM_LLM__PROVIDERS: must be JSON")


def test_a_script_of_echo_has_known_steps_only(mlsdm):
    result = mlsdm("check", *PORTS, "--journal", "memory", MLSDM_LLM__ECHO__SCRIPT='["bogus"]')
    assert result.returncode == 1
    assert "FAIL  setting llm.echo.script" in result.stdout


def rules_of(folder, **sections):
    overrides = {"journal": {"kind": "sqlite", "data_dir": str(folder)}, **sections}
    return checks.rules_of_new_spaces(load_settings(None, overrides))


def test_the_rules_of_new_spaces_are_told_and_no_file_is_made(tmp_path):
    newest = f"new spaces use semantics version {semantics.newest()}, draft {semantics.DRAFT}"
    told = rules_of(tmp_path, journal={"kind": "memory"})
    assert told == ("rules", True, newest)
    assert rules_of(tmp_path) == ("rules", True, newest)
    assert list(tmp_path.iterdir()) == []
    database = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        connection.execute("CREATE TABLE spaces (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE records (space_id INTEGER, revision INTEGER, payload)")
        connection.execute("INSERT INTO spaces VALUES (1)")
    older = "new spaces use semantics version 1; space.upgrade_semantics is off"
    assert rules_of(tmp_path) == ("rules", True, older)
    assert rules_of(tmp_path, space={"upgrade_semantics": True}) == ("rules", True, newest)
    assert list(tmp_path.iterdir()) == [database]
    database.write_bytes(b"junk" * 1_000)
    assert rules_of(tmp_path).detail.startswith("unknown until the server starts")


def test_the_rules_of_a_folder_of_another_draft_fail(tmp_path):
    heads = Heads(tmp_path / "heads")
    heads.put_draft(semantics.DRAFT + 1)
    heads.close()
    (tmp_path / "journal.sqlite3").write_bytes(b"anything")
    found = rules_of(tmp_path)
    assert not found.ok
    assert f"draft {semantics.DRAFT + 1}" in found.detail

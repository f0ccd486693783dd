"""Command lines, right and wrong, with their output and exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from forks import ROOT, run_forked

from tests.cli.conftest import Server, environment

pytestmark = pytest.mark.timeout(120)

NOBODY = "127.0.0.1:1"
LONG_ID = "m" * 64
LONG_SPACE = "s" * 63


class Row(NamedTuple):
    """A command line; the texts are patterns that must be found in the output."""

    line: str
    code: int = 0
    out: str = ""
    err: str = ""
    stdin: str = ""


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def mlsdm(*arguments: str, stdin: str = "", folder: Path = ROOT, **extra: str) -> Ran:
    done = run_forked(*arguments, stdin=stdin, cwd=folder, env=environment(**extra))
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Working folder of the commands, with files for them."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "notes.txt").write_text("The boats leave at dawn.", "utf-8")
    (folder / "docs").mkdir()
    (folder / "docs/a.md").write_text("# Bread\n\nBread is baked on Mondays.", "utf-8")
    (folder / "docs/b.bin").write_bytes(b"\0\1\2")
    (folder / "docs/Договір.txt").write_text("The contract ends in May.", "utf-8")
    (folder / "latin.txt").write_bytes("Größe zählt.".encode("latin-1"))
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 nothing")
    (folder / "policy.json").write_text('{"rules": []}', "utf-8")
    (folder / "no.json").write_text("[", "utf-8")
    (folder / "memories.jsonl").write_text('{"text": "Imported once."}\n', "utf-8")
    (folder / "vector.json").write_text("{}", "utf-8")
    (folder / "token").write_text("secret", "ascii")
    (folder / "empty").write_text("", "ascii")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    """A server with memories."""
    server = Server("--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--journal", "memory")

    def run(*arguments: str) -> None:
        done = mlsdm(*arguments, MLSDM_TARGET=server.target, folder=folder)
        assert done.returncode == 0, done.stderr

    invoice = (
        "The invoice is due on Friday. It says that the rent is paid for a whole year, at once."
    )
    run("put", invoice, "--memory-id", "one", "--label", "topic:billing", "--metadata", "page=3")
    run("put", "The cat sleeps in the sun.", "--memory-id", "two", "--conversation", "market")
    run("put", "Not for long.", "--memory-id", "gone")
    long = [f"{'l' * 60}:{each}" for each in range(3)]
    labels = [part for each in long for part in ("--label", each)]
    run("put", "Long names have room.", "--memory-id", LONG_ID, "--space", LONG_SPACE, *labels)
    run("spaces", "create", "small", "capacity=50", "dimension=8")
    yield server
    server.stop()


ROWS = (
    # Help, version, completion.
    Row("--help", 0, r"(?s)ingest.*spaces.*policy.*context"),
    Row("-h", 0, r"ingest"),
    Row("", 2, err=r"(?s)Usage.*ingest"),
    Row("--version", 0, r"^\d+\.\d+\.\d+"),
    Row("version", 0, r"^\d+\.\d+\.\d+"),
    Row("version -o json", 0, r'^\{"client": "\d'),
    Row("version --server", 0, r"(?s)client \d.*server \d.*contract \S"),
    Row("help", 0, r"ingest"),
    Row("help put", 0, r"Store one memory"),
    Row("help spaces create", 0, r"Create a space"),
    Row("help nothing", 2, err=r"unknown command"),
    Row("help put more", 2, err=r"unknown command"),
    Row("completion bash", 0, r"_MLSDM_COMPLETE"),
    Row("completion zsh", 0, r"#compdef mlsdm"),
    Row("completion fish", 0, r"complete.*mlsdm"),
    Row("completion tcsh", 2, err=r"tcsh"),
    Row("nothing", 2, err=r"No such command"),
    Row("put --nothing", 2, err=r"No such option"),
    Row("put --help", 0, r"--memory-id"),
    # Targets.
    Row(f"state --target {NOBODY}", 1, err=rf"is `mlsdm serve` running at {NOBODY}\?"),
    Row(f"put x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"query x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"get x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"list --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"update x --pin --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"delete x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"ingest notes.txt --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"export --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"import memories.jsonl --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"copy b --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"generate x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"generate --target {NOBODY}", 1, err=rf"running at {NOBODY}\?", stdin="x\n"),
    Row(f"evaluate x --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"call MemoryService/GetMemory --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"health --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"health --watch --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"whoami --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"drain --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"spaces list --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"spaces show a --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"policy show --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"version --server --target {NOBODY}", 1, err=rf"running at {NOBODY}\?"),
    Row(f"state --json --target {NOBODY}", 1, err=r'^\{"code": "UNAVAILABLE"'),
    Row(f"spaces list -o jsonl --target {NOBODY}", 1, err=r'^\{"code": "UNAVAILABLE"'),
    Row("state --target nowhere:port", 1, err=r"target: must be HOST:PORT"),
    Row("state --target a:b:1", 1, err=r"target: must be HOST:PORT"),
    Row("state --target 127.0.0.1:99999", 1, err=r"target: has the port 99999"),
    Row("state --target 127.0.0.1:0", 1, err=r"target: has the port 0"),
    Row("state --target", 2, err=r"requires an argument"),
    Row("state --target=", 1, err=r"target: must not be empty"),
    Row("state --target http://{target}", 0, r"memory\.used"),
    Row("state --target grpc://{target}/", 0, r"memory\.used"),
    Row("state --target dns:///{target}", 0, r"memory\.used"),
    Row("state --target https://{target}", 1, err=r"asks for TLS by https://; add --tls"),
    Row("state --target ftp://{target}", 1, err=r"unknown scheme ftp://"),
    Row("state --target http://{target}/metrics", 1, err=r"target: must be HOST:PORT"),
    Row("state --target {ops}", 1, err=r"is an HTTP port, such as the operations port"),
    Row("state --tls", 1, err=r"does the server at \S+ use TLS"),
    Row("state --timeout 0", 2, err=r"--timeout"),
    Row("state --token-file none", 2, err=r"does not exist"),
    Row("state --token-file empty", 1, err=r"--token-file: is empty"),
    Row("state --token-file token", 0, r"memory\.used"),
    Row("state --ca none", 1, err=r"ca: cannot be read"),
    Row("state --cert token --key token", 1, err=r"is not a PEM file"),
    # Put, query, state.
    Row("put -", 0, r"^CREATED \S+ revision \d+\n$", stdin="From a pipe."),
    Row("put Alone -o json", 0, r'^\{"memory": .*PUT_RESULT_CREATED'),
    Row("put", 1, err=r"text: is required if there is no embedding"),
    Row("put a --memory-id a/b", 1, err=r"memory_id: must match"),
    Row("put a --memory-id one", 1, err=r"ALREADY_EXISTS MEMORY_EXISTS"),
    Row("put a --memory-id one --json", 1, err=r'"reason": "MEMORY_EXISTS"'),
    Row("put a --metadata novalue", 2, err=r"does not have the form KEY=VALUE"),
    Row(
        "put a --metadata novalue -o json",
        2,
        err=r'^\{"code": "INVALID_ARGUMENT", "reason": "USAGE"',
    ),
    Row("put a --embedding-file vector.json", 1, err=r"--embedding-file: holds no vector"),
    Row("put a --embedding-file none", 2, err=r"does not exist"),
    Row("put - --pinned", 1, err=r"standard input: is not UTF-8 text", stdin="\udcff"),
    Row("put a -o xml", 2, err=r"'xml' is not one of"),
    Row("query invoice", 0, r"(?s)^\d\.\d{3}  resonance \S+  one  topic:billing\n  The invoice"),
    Row("query invoice --full", 0, r"for a whole year, at once\."),
    Row("query invoice -o jsonl --top-k 1", 0, r'^\{"memory": .*\}\n$'),
    Row("query invoice -o json", 0, r'^\{"matches": '),
    Row("query - --top-k 1", 0, r"  one  ", stdin="invoice"),
    Row("query invoice --metadata page=3", 0, r"  one  "),
    Row("query invoice --metadata page=4", 0, err=r"no match"),
    Row("query invoice --source user_input --after 2020-01-01", 0, r"  one  "),
    Row("query invoice --after 2199-01-01", 0, err=r"no match"),
    Row("query invoice --before 2020-01-01T12:00:00", 0, err=r"no match"),
    Row("query invoice --before 0001-01-01", 2, err=r"--before: must be a time from year 1"),
    Row("query invoice --top-k 0", 2, err=r"--top-k"),
    Row("query invoice --mode dream", 2, err=r"dream"),
    Row("query", 1, err=r"text: must not be empty"),
    Row("query x --space none", 1, err=r"(?s)SPACE_NOT_FOUND.*mlsdm spaces list"),
    Row("state", 0, r"memory\.used"),
    Row("state --json", 0, r'^\{.*"memory"'),
    Row("state --space none", 1, err=r"NOT_FOUND SPACE_NOT_FOUND"),
    Row("state --space UPPER", 1, err=r"space: must match"),
    # Get, list, update, delete.
    Row("get one", 0, r"(?s)memory_id +one.*topic:billing.*\n\nThe invoice is due on Friday\."),
    Row("get one two", 0, r"(?s)memory_id +one.*memory_id +two"),
    Row("get one -o json", 0, r'^\{"memory_id": "one"'),
    Row("get one two -o json", 0, r'^\[\{"memory_id": "one".*\}\]\n$'),
    Row("get one two -o jsonl", 0, r'(?s)^\{"memory_id": "one"[^\n]*\n\{"memory_id": "two"'),
    Row("get one --embedding", 0, r"embedding +f32_le"),
    Row("get none", 1, err=r"(?s)NOT_FOUND MEMORY_NOT_FOUND.*mlsdm list"),
    Row("get", 2, err=r"Missing argument"),
    Row("list", 0, r"(?s)^ID +CREATED +LABELS +TEXT\n.*one +\d{4}-\d\d-\d\dT\S+ +topic:billing"),
    Row("list --label topic:billing", 0, r"one"),
    Row("list --label a@b", 1, err=r"labels: item 0 must match"),
    Row("list --conversation market", 0, r"two"),
    Row("list --metadata page=3 -o jsonl", 0, r'^\{"memory_id": "one"'),
    Row("list --source system", 0, err=r"no memory"),
    Row("list --source nobody", 1, err=r'sources: must be one of "user_input"'),
    Row("list --after 2020-01-01 --before 2199-01-01", 0, r"one"),
    Row("list --before 2020-01-01", 0, err=r"no memory"),
    Row("list --after soon", 2, err=r"Invalid value for '--after'"),
    Row("list --limit 1", 0, r"one", r"there are more than 1; --limit 0 prints all"),
    Row("list --limit 0 -o json", 0, r"^\[\{"),
    Row("list --full", 0, r"for a whole year, at once\."),
    Row("list --space none", 1, err=r"SPACE_NOT_FOUND"),
    Row("update two --add-label a:b --pin", 0, r"^UPDATED two revision \d+\n$"),
    Row("update two --expire-time 2199-01-01 -o json", 0, r'"revision"'),
    Row("update two --never-expire", 0, r"UPDATED"),
    Row("update two", 2, err=r"give --add-label"),
    Row("update two --expire-time soon", 2, err=r"Invalid value for '--expire-time'"),
    Row(
        "update two --expire-time 0001-01-01",
        2,
        err=r"--expire-time: must be a time from year 1 to 9999",
    ),
    Row("update none --pin", 1, err=r"MEMORY_NOT_FOUND"),
    Row('update one --pin --etag "1"', 1, err=r"(?s)ABORTED ETAG_MISMATCH.*read it again"),
    Row("delete none", 1, err=r"MEMORY_NOT_FOUND"),
    Row("delete none --missing-ok", 0, r"^MISSING none\n$"),
    Row("delete none --missing-ok -o json", 0, r'^\[\{"memory_id": "none", "revision": null\}\]'),
    Row("delete gone none", 1, r"^DELETED gone revision \d+\n$", r"MEMORY_NOT_FOUND"),
    Row("delete a b --etag x", 2, err=r"can be used with one id only"),
    # Ingest, export, import, copy.
    Row("ingest notes.txt --space in1", 0, r"^1 file: 1 created in [\d.]+ s\n$"),
    Row("ingest docs --space in2", 0, r"^2 files: 2 created", r"skipped docs/b\.bin: is binary"),
    Row("ingest docs --ext md --space in3", 0, r"^1 file: 1 created"),
    Row("ingest docs --ext .md,txt --space in4", 0, r"^2 files: 2 created"),
    Row("ingest **/*.md --space in5", 0, r"^1 file: 1 created"),
    Row("ingest - --space in6", 0, r"^1 file: 1 created", stdin="From a pipe."),
    Row("ingest none --space in7", 1, err=r"skipped none: No such file"),
    Row("ingest notes.txt none --space in8", 1, r"1 file: 1 created", r"skipped none: No such"),
    Row("ingest latin.txt --space in9", 1, err=r"skipped latin\.txt: is not UTF-8 text; set the"),
    Row("ingest latin.txt --encoding latin-1 --space in10", 0, r"1 created"),
    Row("ingest latin.txt --encoding none", 2, err=r"is not an encoding"),
    Row("ingest latin.txt --encoding undefined", 2, err=r"is not an encoding"),
    Row("ingest notes.txt --encoding UTF8 --space in17", 0, r"1 created"),
    Row("ingest docs/**.md", 1, err=r"must have \*\* only as a whole name"),
    Row("ingest - --space in18", 1, err=r"skipped stdin: is not UTF-8 text", stdin="\udcff"),
    Row("ingest broken.pdf --space in11", 1, err=r"skipped broken\.pdf: \S+"),
    Row("ingest docs/b.bin --space in12", 1, err=r"skipped docs/b\.bin: is binary"),
    Row("ingest empty --space in13", 0, r"^1 file \(1 without text\): nothing to store"),
    Row(
        "ingest notes.txt -o json --space in14", 0, r'^\{"files": 1, .*"results": \{"CREATED": 1\}'
    ),
    Row("ingest docs --ext none --space in15", 1, err=r"no file"),
    Row("ingest notes.txt --passage-chars 5", 2, err=r"--passage-chars"),
    Row("ingest", 2, err=r"Missing argument"),
    Row("ingest notes.txt --label a@b --space in16", 1, err=r"labels: item 1 must match"),
    Row("export --label topic:billing", 0, r'^\{"memory_id": "one"[^\n]*\}\n$'),
    Row("export --label topic:billing -o json", 0, r'^\[\{"memory_id": "one".*\}\]\n$'),
    Row("export -o table", 2, err=r"must be jsonl or json here"),
    Row("import memories.jsonl --space im1", 0, r"^1 created\n$"),
    Row("import - --space im2", 0, r"^1 created\n$", stdin='{"text": "Piped."}\n'),
    Row("import none", 1, err=r"none: No such file"),
    Row("import no.json", 1, err=r"no\.json, line 1: "),
    Row("import - --space im3", 1, err=r"line 1: must be a JSON object", stdin="null\n"),
    Row("import -", 1, err=r"one JSON object per line is needed", stdin="[\n{}]\n"),
    Row("copy one-more --space none", 1, err=r"SPACE_NOT_FOUND"),
    Row("copy small2 --space small -o json", 0, r'^\{"space": "small2", "results": \{\}\}'),
    # Spaces.
    Row("spaces list", 0, r"(?s)^SPACE +STATE +MEMORIES +DIMENSION.*default +active"),
    Row("spaces list -o json", 0, r'^\[\{"space": "'),
    Row("spaces list -o jsonl", 0, r'^\{"space": "'),
    Row("spaces show small", 0, r"(?s)config\.dimension +8.*config\.capacity +50"),
    Row("spaces show none", 1, err=r"SPACE_NOT_FOUND"),
    Row("spaces create new1 default_ttl=30d read_only=true", 0, r"config\.read_only +True"),
    Row("spaces create new2 --dry-run -o json", 0, r"^\{"),
    Row("spaces create small", 1, err=r"ALREADY_EXISTS SPACE_EXISTS"),
    Row("spaces create new3 capacity=many", 1, err=r"capacity: must be a whole number"),
    Row(
        "spaces create new4 size=3",
        1,
        err=r"size: unknown setting; the settings are dimension, capacity",
    ),
    Row("spaces create new5 capacity", 2, err=r"does not have the form KEY=VALUE"),
    Row("spaces create new6 default_ttl=month", 1, err=r"default_ttl: must be a duration"),
    Row(
        "spaces create new8 default_ttl=99999999999999999d",
        1,
        err=r"default_ttl: must be a duration",
    ),
    Row("spaces create new7 moral_policy=kind", 1, err=r"moral_policy: must be one of"),
    Row("spaces create UPPER", 1, err=r"space: must match"),
    Row("spaces set small capacity=60", 0, r"config\.capacity +60"),
    Row("spaces set small", 2, err=r"at least one SETTING=VALUE is required"),
    Row("spaces set small capacity=0", 1, err=r"capacity"),
    Row("spaces set none capacity=5", 1, err=r"SPACE_NOT_FOUND"),
    Row("spaces drop small", 2, err=r"No such command"),
    Row("spaces", 2, err=r"(?s)Usage.*create"),
    # Policy.
    Row("policy show", 0, r"(?s)base_moral_threshold 0\.5.*RULE +THRESHOLD.*moral\.threshold"),
    Row("policy show -o json", 0, r'^\{"rules": \['),
    Row("policy show -o jsonl", 0, r'^\{"rule_id": "'),
    Row("policy diff base_moral_threshold=0.5", 0, r"^no differences\n$"),
    Row("policy diff base_moral_threshold=0.6", 1, r"(?s)base_moral_threshold +0\.5 +0\.6"),
    Row("policy diff moral.threshold.threshold=0.6 -o json", 1, r'^\[\{"setting": '),
    Row("policy diff --file policy.json", 0, r"no differences"),
    Row("policy diff", 2, err=r"RULE\.SETTING=VALUE or --file is required"),
    Row("policy set secret.memory.enforcement=off --dry-run", 0, r"secret\.memory\.enforcement"),
    Row("policy set secret.memory.enforcement=never", 1, err=r"enforcement"),
    Row(
        "policy set secret.memory.colour=red", 1, err=r"unknown setting; the settings are threshold"
    ),
    Row("policy set nothing.threshold=1", 1, err=r"unknown rule; the rules are"),
    Row("policy set secret.memory.threshold=high", 1, err=r"must be a number"),
    Row("policy set --file no.json", 1, err=r"no\.json: is not JSON"),
    Row("policy set --file none.json", 1, err=r"none\.json: cannot be read"),
    Row("policy set --file -", 1, err=r"-: is not a policy", stdin="[]"),
    Row("policy set a.threshold=1 --file -", 1, err=r"-: is not a policy", stdin='{"rules": [3]}'),
    Row("policy set b.threshold=1 --file -", 1, err=r"unknown rule", stdin='{"rules": [{}]}'),
    Row("policy set", 2, err=r"RULE\.SETTING=VALUE or --file is required"),
    # Generate, evaluate.
    Row("generate hello --forget", 0, r".", r"^\[the provider echo is not a language model"),
    Row("generate - --forget", 0, r".", stdin="hello"),
    Row("generate hello --forget -o json", 0, r'^\{"text": .*"finish_reason"'),
    Row("generate hello --forget -o jsonl", 0, r'(?s)\{"usage".*\n\{"final"'),
    Row(
        "generate --conversation c1", 0, r".", r"conversation c1; continue", stdin="hello\n\nmore\n"
    ),
    Row("generate -o jsonl", 0, r'(?s)"final".*"final"', stdin="hello\nmore\n"),
    Row("generate -o json", 2, err=r'"reason": "USAGE"', stdin="hello\n"),
    Row("generate", 1, err=r"standard input: is not UTF-8 text", stdin="\udcff\n"),
    Row("generate --conversation a@b x", 1, err=r"conversation_id: must match"),
    Row("generate x --max-tokens 1000000", 1, err=r"max_tokens: must be from 0 to"),
    Row("evaluate fine", 0, r"(?m)^ALLOW +moral\.threshold .*score 0\.\d\d, needs 0\.50 or more$"),
    Row("evaluate fine -o json", 0, r'^\{.*"verdicts"'),
    Row("evaluate fine --stage dream", 1, err=r'"prompt", "recall"'),
    # Call, health, whoami, drain.
    Row("call Health/Check", 0, r'^\{"status": "SERVING"\}\n$'),
    Row("call Nothing/Check", 1, err=r'"violations".*must be one of'),
    Row("call Health/Check {{", 1, err=r'^\{"code": "INVALID_ARGUMENT"'),
    Row("call Health/Check null", 1, err=r"must be a JSON object"),
    Row("call Health/Check 3", 1, err=r"must be a JSON object"),
    Row("call Health/Check -o table", 2, err=r"must be json or jsonl here"),
    Row("health", 0, r"^SERVING\n$"),
    Row("health -o json", 0, r'^\{"status": "SERVING"\}'),
    Row("health --service readiness", 0, r"^SERVING\n$"),
    Row("health --service nope", 1, err=r"(?s)NOT_FOUND.*known services: .*readiness"),
    Row("health --service nope -o json", 1, err=r'"notes": \["known services: '),
    Row("whoami", 0, r"(?s)roles: .*spaces: .*permissions: "),
    Row("whoami -o json", 0, r'^\{"name": "'),
    Row("drain --grace -1", 2, err=r"--grace"),
    # Contexts.
    Row("context list", 0, err=r"no context in "),
    Row("context list -o json", 0, r"^\[\]\n$"),
    Row("context use none", 1, err=r"context: must be one of those of `mlsdm context list`: none"),
    Row("context remove none", 1, err=r"context: must be one of"),
    Row("context add a@b --target h", 1, err=r"context: must match"),
    Row("context add a --target h:x", 1, err=r"target: must be HOST:PORT"),
    Row("context add a", 2, err=r"Missing option.*--target"),
    Row("--context none state", 1, err=r"context: must be one of"),
)


def test_there_are_150_command_lines() -> None:
    assert len(ROWS) >= 150
    assert len({(row.line, row.stdin) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.line or "no arguments")
def test_a_command_line(row: Row, server: Server, folder: Path) -> None:
    line = row.line.format(target=server.target, ops=server.ops)
    done = mlsdm(*line.split(), stdin=row.stdin, folder=folder, MLSDM_TARGET=server.target)
    shown = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == row.code, shown
    assert re.search(row.out, done.stdout), shown
    assert re.search(row.err, done.stderr), shown
    assert "Traceback" not in done.stderr, shown


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_no_name_is_cut_on_a_terminal(columns: int, server: Server, folder: Path) -> None:
    labels = [f"{'l' * 60}:{each}" for each in range(3)]
    space = ("--space", LONG_SPACE)
    for arguments in (
        ("list", *space),
        ("query", "long names", *space),
        ("get", LONG_ID, *space),
    ):
        done = mlsdm(*arguments, MLSDM_TARGET=server.target, COLUMNS=str(columns), folder=folder)
        for name in (LONG_ID, *labels):
            assert name in done.stdout, arguments
    for arguments in (("spaces", "list"), ("spaces", "show", LONG_SPACE)):
        done = mlsdm(*arguments, MLSDM_TARGET=server.target, COLUMNS=str(columns), folder=folder)
        assert LONG_SPACE in done.stdout
    done = mlsdm("policy", "show", MLSDM_TARGET=server.target, COLUMNS=str(columns), folder=folder)
    assert "moral.threshold" in done.stdout
    done = mlsdm("list", "--limit", "1", MLSDM_TARGET=server.target, COLUMNS=str(columns))
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_a_context_holds_server_space_and_credential(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config" / "contexts.toml"

    def run(*arguments: str, **extra: str) -> Ran:
        return mlsdm(*arguments, MLSDM_CONTEXTS=str(file), folder=folder, **extra)

    added = run("context", "add", "near", "--target", server.target, "--space", "small")
    assert added == (0, "near is added and used\n", "")
    other = run("context", "add", "far", "--target", NOBODY, "--token-file", "token")
    assert other.stdout == "far is added; `mlsdm context use far` uses it\n"
    assert (file.stat().st_mode & 0o777, "secret" in file.read_text()) == (0o600, False)
    assert "config.capacity" in run("spaces", "show", "small").stdout
    assert json.loads(run("state", "--json").stdout)["space"] == "small"
    assert json.loads(run("state", "--json", "--space", "default").stdout)["space"] == "default"
    assert run("health").stdout == "SERVING\n"
    assert NOBODY in run("--context", "far", "state", MLSDM_TARGET=server.target).stderr
    assert NOBODY in run("state", MLSDM_CONTEXT="far").stderr
    assert run("state", "--json", MLSDM_TARGET=server.target).returncode == 0
    assert run("context", "use", "far").stdout == "far is used\n"
    assert NOBODY in run("health").stderr
    listed = json.loads(run("context", "list", "-o", "json").stdout)
    assert [(each["name"], each["current"]) for each in listed] == [("near", False), ("far", True)]
    assert re.search(rf"(?m)^\* +far .*{NOBODY}$", run("context", "list").stdout)
    assert run("context", "remove", "far").stdout == "far is removed\n"
    file.write_text("[context.a]\nport = 3\n")
    assert "is not a valid contexts file" in run("state").stderr


def test_nothing_listens_and_every_command_fails_soon(folder: Path) -> None:
    import time

    for line in ("ingest notes.txt", "export", "put x", "health --watch", "spaces list"):
        began_s = time.monotonic()
        done = mlsdm(*line.split(), "--target", NOBODY, folder=folder)
        assert done.returncode == 1
        assert time.monotonic() - began_s < 3, line

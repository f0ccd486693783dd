from __future__ import annotations

import json
import re
import signal

import pytest
from forks import Forked

from tests.cli.conftest import environment


@pytest.fixture
def run(mlsdm, target):
    def run(command, *arguments, stdin=""):
        return mlsdm(command, *arguments, stdin=stdin, MLSDM_TARGET=target)

    return run


def answer(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_put_query_and_state(run):
    space = ("--space", "everyday")
    put = run("put", "The invoice is due on Friday.", "--label", "topic:billing", *space)
    assert put.returncode == 0, put.stderr
    assert put.stdout.startswith("CREATED ")
    assert put.stdout.endswith(" revision 1\n") or "revision" in put.stdout
    again = run("put", "The invoice is due on Friday.", *space)
    assert again.stdout.startswith("REFRESHED ")
    run("put", "-", "--metadata", "k=v", "--pinned", *space, stdin="The cat sleeps in the sun.")
    found = run("query", "when do I have to pay?", "--top-k", "1", *space)
    assert "invoice" in found.stdout
    assert "topic:billing" in found.stdout
    assert "cat" not in found.stdout
    matches = answer(run("query", "cat", "--json", *space))["matches"]
    assert matches[0]["memory"]["metadata"] == {"k": "v"}
    assert answer(run("state", "--json", *space))["memory"]["used"] == 2
    assert "memory.used" in run("state", *space).stdout


def test_a_query_by_words_and_what_helps_to_find_a_memory(run):
    space = ("--space", "told")
    asked = ("--context", "Anna: Did you buy a parrot?", "--conversation", "market")
    run("put", "A green one, for little money.", *asked, *space)
    run("put", "The weather was fine.", *space)
    found = answer(run("query", "parrots", "--mode", "lexical", "--json", *space))
    (match,) = found["matches"]
    assert found["mode"] == "QUERY_MODE_LEXICAL"
    assert match["memory"]["text"] == "A green one, for little money."
    assert match["memory"]["context"] == "Anna: Did you buy a parrot?"
    assert match["components"]["matched_terms"] == ["parrots"]
    shown = run("query", "weather", "--conversation", "market", *space)
    assert "weather" not in shown.stdout
    assert "no match" in run("query", "weather", "--metadata", "k=v", *space).stderr
    assert "no match" in run("query", "green", "--min-score", "0.9", *space).stderr
    run("generate", "The stall closes at noon.", "--conversation", "market", *space)
    closes = answer(run("query", "stall", "--conversation", "market", "--json", *space))["matches"]
    assert closes[0]["memory"]["exchange_role"] == "EXCHANGE_ROLE_PROMPT"


def test_a_query_tells_what_its_phase_leaves_out(run):
    space = ("--space", "phases")
    run("put", "The invoice is due on Friday.", *space)
    everywhere = run("query", "invoice", *space)
    assert (everywhere.stderr, "invoice" in everywhere.stdout) == ("", True)
    at_night = run("query", "invoice", "--phase", "0.9", *space)
    assert at_night.returncode == 0
    assert "invoice" not in at_night.stdout
    assert "not searched, far from phase 0.90: 1\n" in at_night.stderr
    alone = run("query", "invoice", "--phase-tolerance", "0.3", *space)
    assert (alone.returncode, "phase_tolerance" in alone.stderr) == (1, True)


def test_evaluate_tells_verdicts_and_findings_but_no_value(run):
    told = run("evaluate", "Write to a.person@example.org, please.", "--redact")
    assert told.returncode == 0, told.stderr
    assert re.search(
        r"^FLAG +pii\.prompt +shadow +score 0?[.\d]+, needs 0\.50 or more$",
        told.stdout,
        re.MULTILINE,
    )
    assert re.search(
        r"^found +email +score [.\d]+, bytes 9-29, any language, by the form of email$",
        told.stdout,
        re.MULTILINE,
    )
    assert told.stdout.endswith("Write to [email], please.\n")
    assert "a.person" not in told.stdout
    shown = answer(run("evaluate", "-", "--stage", "memory", "--json", stdin="It rains."))
    assert {each["stage"] for each in shown["verdicts"]} == {"GOVERNANCE_STAGE_MEMORY"}
    wrong = run("evaluate", "x", "--stage", "dream")
    assert (wrong.returncode, "stage" in wrong.stderr) == (1, True)
    stages = ("prompt", "recall", "response", "speech", "memory")
    assert [each for each in stages if f'"{each}"' not in wrong.stderr] == []


def test_evaluate_shows_the_words_and_the_reason_of_harm_on_the_scale_of_the_rules(run):
    told = run("evaluate", "Ich bringe dich heute Nacht um, du bist tot.")
    scale = r"score [.\d]+, needs 0\.50 or more$"
    assert re.search(rf"^REFUSE +moral\.threshold +enforce +{scale}", told.stdout, re.MULTILINE)
    found = re.findall(
        r"^found +\w+ +score ([.\d]+), bytes \d+-\d+ '.+', (.+), by (?:rule .+|no rule: .+)$",
        told.stdout,
        re.MULTILINE,
    )
    assert max(float(score) for score, _ in found) >= 0.5
    assert "de" in {language for _, language in found}


def test_vectors_from_files(run, tmp_path):
    file = tmp_path / "vector.json"
    file.write_text(json.dumps([1.0] + [0.0] * 383), "utf-8")
    space = ("--space", "vectors", "--embedding-file", str(file))
    stored = answer(run("put", "--memory-id", "m", "--json", *space))
    assert stored["result"] == "PUT_RESULT_CREATED"
    (match,) = answer(run("query", "--json", *space))["matches"]
    assert match["memory"]["memory_id"] == "m"
    assert match["resonance"] == pytest.approx(1.0)
    file.write_text("{}", "utf-8")
    wrong = run("put", *space)
    assert wrong.returncode == 1
    assert "--embedding-file" in wrong.stderr


def test_call_prints_the_answer_and_reads_stdin(run):
    request = '{"space": "call", "memory": {"text": "x", "memory_id": "one"}}'
    stored = answer(run("call", "MemoryService/PutMemory", request))
    assert stored["memory"]["memory_id"] == "one"
    got = run(
        "call",
        "mlsdm.v1.MemoryService/GetMemory",
        "-",
        stdin='{"space": "call", "memoryId": "one"}',
    )
    assert answer(got)["memory"]["text"] == "x"
    assert answer(run("call", "Health/Check"))["status"] == "SERVING"
    info = answer(run("call", "AdminService/GetServerInfo"))["info"]
    assert "mlsdm.v1.MemoryService/PutMemory" in info["methods"]


def test_call_reads_a_server_stream(target):
    arguments = ("call", "Health/Watch", "--timeout", "20")
    process = Forked(*arguments, env=environment(MLSDM_TARGET=target))
    assert json.loads(process.stdout.readline()) == {"status": "SERVING"}
    process.kill()
    process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("method", "request_json", "code", "reason"),
    [
        ("MemoryService/GetMemory", '{"memory_id": "none"}', "NOT_FOUND", None),
        ("MemoryService/PutMemory", "{}", "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("GenerationService/Generate", "{}", "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("AdminService/CreateBackup", "{}", "UNIMPLEMENTED", "NOT_YET_AVAILABLE"),
        ("MemoryService/Nothing", "{}", "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("NoService/PutMemory", "{}", "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("MemoryService/IngestMemories", "{}", "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("MemoryService/PutMemory", '{"unknown": 1}', "INVALID_ARGUMENT", "FIELD_INVALID"),
        ("MemoryService/PutMemory", "{", "INVALID_ARGUMENT", "FIELD_INVALID"),
    ],
)
def test_errors_are_json_on_standard_error(run, method, request_json, code, reason):
    result = run("call", method, request_json)
    assert result.returncode == 1
    assert result.stdout == ""
    error = json.loads(result.stderr)
    assert error["code"] == code
    assert reason in {None, error["reason"]}
    if code == "INVALID_ARGUMENT":
        assert error["violations"]


def test_errors_for_people_name_code_reason_and_request_id(run):
    result = run("generate", "x", "--max-tokens", "1000000")
    assert result.returncode == 1
    first, request_id = result.stderr.splitlines()
    assert first.startswith("INVALID_ARGUMENT FIELD_INVALID: max_tokens: must be from 0 to ")
    assert request_id.startswith("  request id: ")


def test_what_the_client_refuses_is_said_once_and_has_no_request_id(run):
    result = run("put", "x", "--memory-id", "not allowed!")
    assert result.returncode == 1
    said = "memory_id: must match [A-Za-z0-9._-]{1,64}."
    assert result.stderr == f"INVALID_ARGUMENT FIELD_INVALID: {said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("put", "a\udcff"), "text: has a lone surrogate at character 1, "),
        (("query", "a", "--label", "\udcff"), "labels: item 0 has a lone surrogate "),
        (("state", "--target", "\udcff:1"), "target: has a lone surrogate at character 0, "),
        (("state", "--target", ""), "target: must not be empty."),
        (("put", ""), "text: is required if there is no embedding."),
    ],
)
def test_arguments_that_cannot_be_sent_are_named(run, arguments, said):
    result = run(*arguments)
    assert result.returncode == 1
    assert result.stderr.startswith(f"INVALID_ARGUMENT FIELD_INVALID: {said}")


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (("generate",), "prompt"),
        (("put",), "memory.text"),
        (("query",), "text"),
        (("evaluate",), "text"),
    ],
)
@pytest.mark.parametrize("text", [" \t", "\u3000\u200b"], ids=ascii)
def test_a_text_that_says_nothing_is_refused_by_its_field(run, command, field, text):
    result = run(*command, text)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("INVALID_ARGUMENT FIELD_INVALID: ")
    assert f"{field}: must not be white space and invisible characters only" in result.stderr


def test_ingest_stores_labelled_passages(run, tmp_path):
    notes = tmp_path / "my notes.txt"
    notes.write_text(
        "Harbour rules\n\nBoats leave at dawn. " + "They return at night. " * 100, "utf-8"
    )
    other = tmp_path / "other.txt"
    other.write_text("Bread is baked on Mondays.", "utf-8")
    space = ("--space", "files")
    stored = answer(run("ingest", str(notes), str(other), "--label", "kind:note", "--json", *space))
    assert stored["files"] == 2
    assert stored["results"]["CREATED"] >= 3
    matches = answer(
        run(
            "query",
            "boats",
            "--metadata",
            f"path={notes}",
            "--label",
            "kind:note",
            "--json",
            *space,
        )
    )["matches"]
    assert matches
    text = matches[-1]["memory"]["text"]
    assert text.startswith("They return at night.")
    assert matches[-1]["memory"]["context"] == "Harbour rules: Boats leave at dawn."
    exported = run("export", "--label", "kind:note", "--embeddings", *space)
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert len(lines) == stored["results"]["CREATED"]
    assert all(line["embedding"] and "kind:note" in line["labels"] for line in lines)
    repeated = run("ingest", str(notes), "--label", "kind:note", *space)
    assert repeated.stdout.startswith("1 file (1 unchanged): ")
    plain = run("ingest", str(other), "--no-context", *space)
    assert plain.returncode == 0


def test_ingest_names_every_file_that_cannot_be_read(run, tmp_path):
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xfa\xfe\xff")
    result = run("ingest", str(binary), str(tmp_path / "absent"))
    assert result.returncode == 1
    assert "is not UTF-8" in result.stderr
    assert "absent" in result.stderr


def test_health(run, mlsdm):
    assert answer(run("health", "--json")) == {"status": "SERVING"}
    unknown = run("health", "--service", "nothing")
    assert unknown.returncode == 1
    nobody = mlsdm("health", "--target", "127.0.0.1:1")
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("UNAVAILABLE")


def test_health_watch_tells_the_drain(serve):
    server = serve("--journal", "memory", MLSDM_SERVER__DRAIN_DELAY_S="0.2")
    watch = Forked("health", "--watch", "--target", server.target, env=environment())
    assert watch.stdout.readline() == "SERVING\n"
    server.process.send_signal(signal.SIGTERM)
    assert watch.stdout.readline() == "NOT_SERVING\n"
    _, errors = watch.communicate(timeout=20)
    assert watch.returncode == 1
    assert server.wait()[0] == 0, errors


def test_a_token_is_read_from_its_file(serve, mlsdm, tmp_path):
    import hashlib

    token, tokens = tmp_path / "token", tmp_path / "tokens.toml"
    token.write_text("secret-1\n", "ascii")
    digest = hashlib.sha256(b"secret-1").hexdigest()
    tokens.write_text(f'[[token]]\nname = "a"\ntenant = "acme"\nsha256 = "{digest}"\n', "utf-8")
    server = serve(
        *("--journal", "memory"),
        MLSDM_SECURITY__MODE="token",
        MLSDM_SECURITY__TOKENS_FILE=str(tokens),
    )
    without = mlsdm("put", "x", "--target", server.target)
    assert without.returncode == 1
    assert without.stderr.startswith("UNAUTHENTICATED CREDENTIAL_MISSING")
    known = mlsdm("put", "x", "--target", server.target, "--token-file", str(token))
    assert known.returncode == 0, known.stderr
    token.write_text("", "ascii")
    empty = mlsdm("put", "x", "--target", server.target, "--token-file", str(token))
    assert empty.returncode == 1
    assert "is empty" in empty.stderr


THREAT = "I will kill you and your whole family tonight."
ECHO = (
    "[the provider echo is not a language model: it repeats recalled memories; see docs/llm.md]\n"
)
SECRET = "The key is AKIAIOSFODNN7EXAMPLE, keep it safe."


def test_generate_tells_what_was_refused_and_why(run):
    space = ("--space", "answers")
    fine = run("generate", "When is the heating serviced?", *space)
    assert (fine.returncode, fine.stderr) == (0, ECHO)
    assert fine.stdout.endswith("\n")
    refused = run("generate", THREAT, *space)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.search(
        r"^\[prompt refused by moral\.threshold: score [\d.]+, needs 0\.50 or more\]$",
        refused.stderr,
        re.MULTILINE,
    )
    assert refused.stderr.endswith("[no answer: the prompt was refused]\n")
    assert run("generate", THREAT, "--json", *space).returncode == 1


def test_generate_tells_what_is_in_shadow_only_if_asked(run):
    prompt = ("generate", "Is bob@example.com a good address?", "--space", "shadow")
    quiet = run(*prompt)
    assert (quiet.returncode, quiet.stderr) == (0, ECHO)
    told = run(*prompt, "--verbose")
    assert told.returncode == 0
    assert re.search(
        r"^\[in shadow: prompt flagged by pii\.prompt: score [\d.]+, needs 0\.50 or more\]$",
        told.stderr,
        re.MULTILINE,
    )


def test_a_refused_memory_is_told_with_its_rule(serve, mlsdm, tmp_path):
    server = serve("--journal", "memory", MLSDM_GOVERNANCE__PUT_ENFORCEMENT="enforce")
    put = mlsdm("put", SECRET, "--target", server.target)
    assert put.returncode == 1
    assert put.stdout == "REFUSED, nothing was stored; revision 0\n"
    assert re.match(
        r"\[memory refused by secret\.memory: score [\d.]+, needs 0\.50 or more\]\n$", put.stderr
    )
    notes = tmp_path / "notes.txt"
    notes.write_text(SECRET, "utf-8")
    ingested = mlsdm("ingest", str(notes), "--no-context", "--target", server.target)
    assert ingested.returncode == 1
    assert f"passage 1 of {notes}: [memory refused by secret.memory: " in ingested.stderr
    as_json = mlsdm("ingest", str(notes), "--no-context", "--json", "--target", server.target)
    assert len(json.loads(as_json.stdout)["problems"]) == 1
    good = tmp_path / "good.txt"
    good.write_text("Bread is baked on Mondays.", "utf-8")
    fine = mlsdm("ingest", str(good), "--json", "--target", server.target)
    assert "problems" not in json.loads(fine.stdout)


def test_what_had_to_leave_is_told_in_words(serve, mlsdm, tmp_path):
    server = serve("--journal", "memory", MLSDM_SPACE__CAPACITY="3")

    def run(*arguments):
        return mlsdm(*arguments, "--target", server.target)

    for fact in ("Bread is baked on Mondays.", "The ferry leaves at noon.", "Maria sings."):
        assert run("put", fact).stderr == ""
    put = run("put", "The heating is serviced in October.")
    assert (put.returncode, put.stdout.split()[0]) == (0, "CREATED")
    assert put.stderr == "1 older memory was evicted to make room (capacity 3)\n"
    notes = tmp_path / "notes.txt"
    notes.write_text("First the one. " * 3 + "\n\n" + "Then the other. " * 3, "utf-8")
    files = ("ingest", str(notes), "--no-context", "--passage-chars", "60")
    ingested = run(*files)
    assert ingested.returncode == 0
    assert ingested.stderr.endswith("2 older memories were evicted to make room (capacity 3)\n")
    notes.write_text("Last of all.", "utf-8")
    as_json = answer(run(*files, "--json"))
    assert as_json["results"] == {"CREATED": 1}
    assert len(as_json["evicted_memory_ids"]) == 1
    assert "evicted" not in run(*files).stderr, "unchanged, so nothing leaves"
    said = run("generate", "When does the ferry leave?")
    assert said.stdout.startswith("You asked me about this: ")
    assert said.stderr == f"{ECHO}2 older memories were evicted to make room (capacity 3)\n"

"""Changes of a tokens file by ``mlsdm token``."""

from __future__ import annotations

import json
import re
import threading

import pytest
from typer.testing import CliRunner

from mlsdm_grpc.cli.app import app
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.security.key_file import add_key, remove_key
from mlsdm_grpc.security.presented import Presented
from mlsdm_grpc.security.roles import ROLES
from mlsdm_grpc.security.static_keys import StaticKeys, read_keys
from tests.security.test_tokens import NOW

FIELDS = {"name": "job", "tenant": "acme", "roles": ["writer"]}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tokens.toml"


def _verify(file, token):
    return StaticKeys(file, now=lambda: NOW).verify(Presented(token))


def _run(*words):
    return CliRunner().invoke(app, ["token", *map(str, words)])


def test_a_created_key_is_verified_and_its_secret_stands_nowhere(file):
    key = add_key(file, FIELDS, ROLES)
    assert re.fullmatch(r"mlsdm_[a-z2-9]{10}_[A-Za-z0-9_-]{43}", key)
    principal = _verify(file, key)
    assert (principal.name, principal.tenant, principal.roles) == ("job", "acme", ("writer",))
    assert principal.key_id == key.split("_")[1]
    assert key not in file.read_text()
    assert key.split("_", 2)[2] not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_several_keys_are_valid_at_once_and_one_can_go(file):
    keys = [add_key(file, FIELDS, ROLES) for _ in range(3)]
    assert all(_verify(file, key) for key in keys)
    remove_key(file, keys[1].split("_")[1], ROLES)
    assert [_verify(file, key) is not None for key in keys] == [True, False, True]


def test_comments_mode_and_links_stay(file, tmp_path):
    first = add_key(file, FIELDS, ROLES)
    file.write_text(f"# who may call\n{file.read_text()}\n# end\n")
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    second = add_key(link, FIELDS, ROLES)
    assert link.is_symlink()
    assert file.read_text().startswith("# who may call\n")
    assert file.stat().st_mode & 0o777 == 0o640
    remove_key(link, second.split("_")[1], ROLES)
    assert _verify(file, first)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize(
    "fields",
    [
        {**FIELDS, "tenant": "Acme"},
        {**FIELDS, "roles": ["root"]},
        {**FIELDS, "spaces": ["a*b"]},
        {**FIELDS, "name": "a\nb"},
    ],
    ids=["tenant", "role", "space", "name"],
)
def test_a_wrong_field_changes_nothing(file, fields):
    add_key(file, FIELDS, ROLES)
    before = file.read_bytes()
    with pytest.raises(InvalidInput):
        add_key(file, fields, ROLES)
    assert file.read_bytes() == before
    assert len(list(file.parent.iterdir())) == 1


def test_the_last_key_stays(file):
    key = add_key(file, FIELDS, ROLES)
    with pytest.raises(InvalidInput):
        remove_key(file, key.split("_")[1], ROLES)
    assert _verify(file, key)


def test_entries_of_another_form_are_not_cut_apart(file):
    keys = [add_key(file, FIELDS, ROLES) for _ in range(2)]
    entries = read_keys(file, ROLES)
    tables = ", ".join(
        f'{{name = "job", tenant = "acme", id = "{each.principal.key_id}",'
        f' sha256 = "{each.digest.hex()}"}}'
        for each in entries
    )
    file.write_text(f"token = [{tables}]\n")
    with pytest.raises(InvalidInput, match="cannot be removed"):
        remove_key(file, keys[0].split("_")[1], ROLES)


def test_commands_at_once_lose_no_key(file):
    add_key(file, FIELDS, ROLES)
    threads = [threading.Thread(target=add_key, args=(file, FIELDS, ROLES)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(read_keys(file, ROLES)) == 9


def test_the_commands(file):
    made = _run(
        "create", "--file", file, "--name", "job", "--tenant", "acme",
        "--role", "reader", "--space", "inbox", "--space", "team-*", "--days", "30",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    principal = _verify(file, key)
    assert principal.roles == ("reader",)
    assert "team-blue" in principal.spaces
    assert "team" not in principal.spaces
    assert _run("create", "--file", file, "--name", "b", "--tenant", "acme").exit_code == 0
    listed = _run("list", "--file", file, "--json")
    first, second = json.loads(listed.stdout)
    assert first["id"] == principal.key_id
    assert (first["spaces"], first["expired"]) == (["inbox", "team-*"], False)
    assert (second["roles"], second["expires"], second["spaces"]) == (["writer"], None, ["*"])
    assert f"{first['id']}  job  acme" in _run("list", "--file", file).stdout
    assert _run("revoke", first["id"], "--file", file).stdout == f"revoked {first['id']}\n"
    assert _verify(file, key) is None


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--file", "none.toml"),
        ("revoke", "abcd", "--file", "none.toml"),
        ("create", "--file", "t.toml", "--name", "a", "--tenant", "A"),
        ("create", "--file", "none/t.toml", "--name", "a", "--tenant", "a"),
    ],
)
def test_a_command_that_fails_says_so_with_code_1(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    ended = _run(*words)
    assert ended.exit_code == 1
    assert ended.stderr
    assert list(tmp_path.iterdir()) == []

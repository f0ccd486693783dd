"""Secure mode: the sample starts, and each single weakness is refused and named with its cure."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import shutil
import stat
from pathlib import Path

import pytest
from serving import in_process
from typer.testing import CliRunner

from mlsdm_grpc.cli.app import app
from mlsdm_grpc.config import Settings, load_settings
from mlsdm_grpc.errors import InvalidInput
from mlsdm_grpc.security.key_file import add_key
from mlsdm_grpc.security.roles import ROLES
from mlsdm_grpc.security.weaknesses import refuse_weaknesses, weaknesses
from tests.security.test_tokens import token_entry as entry
from tests.support.certificates import Authority

ROOT = Path(__file__).parents[2]
FIELDS = {"name": "job", "tenant": "acme", "roles": ["writer"]}


class Machine:
    """The files that the sample of secure mode names, in a folder of the test."""

    def __init__(self, path):
        self.path = path
        for name in ("etc/mlsdm/tls", "var/lib"):
            (path / name).mkdir(mode=0o700, parents=True)
        self.data = path / "var/lib/mlsdm"
        self.data.mkdir(mode=0o700)
        self.etc = path / "etc/mlsdm"
        self.tokens, self.policy = self.etc / "tokens.toml", self.etc / "policy.toml"
        self.certificate, self.key = self.etc / "tls/server.pem", self.etc / "tls/server.key"
        self.sample = path / "secure.toml"
        text = (ROOT / "deploy/secure.toml").read_text()
        for root in ("etc", "var"):
            text = text.replace(f'"/{root}/', f'"{path}/{root}/')
        self.sample.write_text(text)
        shutil.copy(ROOT / "deploy/policy.toml", self.policy)
        self.policy.chmod(0o644)
        add_key(self.tokens, FIELDS, ROLES)
        self.serve(*Authority().issue("localhost"))

    def serve(self, certificate, key):
        self.certificate.write_bytes(certificate)
        self.certificate.chmod(0o644)
        self.key.write_bytes(key)
        self.key.chmod(0o600)

    def load(self, **sections):
        return load_settings(self.sample, sections)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_sample_of_deploy_has_no_weakness(machine):
    settings = machine.load()
    assert list(weaknesses(settings)) == []
    refuse_weaknesses(settings)


@pytest.mark.anyio
async def test_a_server_starts_with_the_sample(machine):
    settings = await asyncio.to_thread(machine.load)
    sections = {
        "server": {"tls": settings.server.tls.model_dump()},
        "security": settings.security.model_dump(),
    }
    async with in_process(**sections) as server:
        assert server.listen.port


def _loose(name, mode):
    def change(machine):
        getattr(machine, name).chmod(mode)
        return {}

    return change


def _token(text):
    def change(machine):
        machine.tokens.write_text(machine.tokens.read_text() + entry(text))
        return {}

    return change


def _folder(machine):
    machine.etc.chmod(0o777)
    return {}


def _certificate(**options):
    def change(machine):
        machine.serve(*Authority().issue("localhost", **options))
        return {}

    return change


def _settings(**sections):
    return lambda _: sections


NO_TLS = {"tls": {"certificate_file": None, "key_file": None}}
ISSUER = {"issuer": "http://127.0.0.1:1", "audience": "a", "keys_url": "https://a.example"}
CASES = {
    "gRPC port without TLS": (_settings(server={**NO_TLS, "ops": "127.0.0.1:1"}), "server.listen"),
    "operations port without TLS": (
        _settings(server={**NO_TLS, "listen": "127.0.0.1:1"}),
        "server.ops",
    ),
    "reflection open": (_settings(security={"reflection": "open"}), "security.reflection"),
    "issuer without TLS": (
        _settings(security={"authenticators": ["jwt"], "jwt": ISSUER}),
        "security.jwt.issuer",
    ),
    "key file readable": (_loose("key", 0o604), "server.tls.key_file"),
    "key file writable by the group": (_loose("key", 0o620), "server.tls.key_file"),
    "tokens file readable and writable": (_loose("tokens", 0o666), "security.tokens_file"),
    "policy file writable": (_loose("policy", 0o646), "security.policy_file"),
    "certificate file writable": (_loose("certificate", 0o646), "server.tls.certificate_file"),
    "data folder readable": (_loose("data", 0o755), "journal.data_dir"),
    "token of one character": (_token("x"), "security.tokens_file"),
    "token of three characters": (_token("a7z"), "security.tokens_file"),
    "token of the documentation": (_token("test"), "security.tokens_file"),
    "default token": (_token("changeme"), "security.tokens_file"),
    "default token in capitals": (_token("PASSWORD"), "security.tokens_file"),
    "certificate that has ended": (
        _certificate(days=-1, started_days=5),
        "server.tls.certificate_file",
    ),
    "certificate with a weak key": (_certificate(weak=True), "server.tls.certificate_file"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_single_weakness_is_refused_with_its_cure(machine, name):
    change, setting = CASES[name]
    settings = machine.load(**change(machine))
    with pytest.raises(InvalidInput) as raised:
        refuse_weaknesses(settings)
    (violation,) = raised.value.violations
    assert violation.field == setting
    problem, _, cure = violation.description.rpartition(": ")
    assert problem
    assert cure.split()[0] in {"set", "chmod", "replace", "obtain", "use"}


def test_a_folder_in_which_others_may_replace_files_is_a_weakness(machine):
    _folder(machine)
    found = {each.setting for each in weaknesses(machine.load())}
    assert found == {"security.tokens_file", "security.policy_file"}
    machine.etc.chmod(0o1777)
    assert list(weaknesses(machine.load())) == []


def test_a_cure_of_a_mode_cures_it(machine):
    for file in (machine.key, machine.tokens, machine.policy, machine.data):
        file.chmod(0o777)
    for each in weaknesses(machine.load()):
        _, mode, path = each.cure.split()
        Path(path).chmod(int(mode, 8))
    assert list(weaknesses(machine.load())) == []
    assert stat.S_IMODE(machine.key.stat().st_mode) == 0o750


def test_mode_token_starts_with_weaknesses_and_dev_has_none(machine):
    refuse_weaknesses(machine.load(server=NO_TLS, security={"mode": "token"}))
    assert list(weaknesses(Settings())) == []


def test_check_names_each_weakness_with_exit_code_1(machine):
    """Settings of an earlier version: a tokens file of 0666, the token x, all addresses."""
    machine.tokens.write_text(entry("x"))
    machine.tokens.chmod(0o666)
    machine.sample.write_text(
        '[server]\nlisten = "0.0.0.0:0"\nops = "0.0.0.0:0"\n[security]\nmode = "token"\n'
        f'tokens_file = "{machine.tokens}"\n[journal]\nkind = "memory"\n'
    )
    ended = CliRunner().invoke(app, ["check", "--config", str(machine.sample)])
    assert ended.exit_code == 1
    named = [
        line.split(":")[0].removeprefix("FAIL  ")
        for line in ended.stdout.splitlines()
        if line.startswith("FAIL")
    ]
    assert sorted(named) == [
        "weakness security.reflection",
        "weakness security.tokens_file",
        "weakness security.tokens_file",
        "weakness server.listen",
        "weakness server.ops",
    ]


@pytest.mark.parametrize("name", CASES)
def test_check_names_each_single_weakness(machine, monkeypatch, name):
    change, setting = CASES[name]
    sections = copy.deepcopy(change(machine))
    ports = {key: sections.get("server", {}).pop(key, "0.0.0.0:0") for key in ("listen", "ops")}
    for section, fields in sections.items():
        for field, value in fields.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"MLSDM_{section}__{field}".upper(), text)
    flags = [f"--{key}={value.replace(':1', ':0')}" for key, value in ports.items()]
    ended = CliRunner().invoke(app, ["check", "--config", str(machine.sample), *flags])
    assert ended.exit_code == 1
    named = re.findall(r"^FAIL  weakness (\S+): ", ended.stdout, re.MULTILINE)
    assert named == [setting], ended.stdout


def test_check_passes_the_sample(machine):
    flags = ["--listen", "0.0.0.0:0", "--ops", "0.0.0.0:0"]
    ended = CliRunner().invoke(app, ["check", "--config", str(machine.sample), *flags])
    assert "FAIL" not in ended.stdout, ended.stdout
    assert ended.exit_code == 0
    for named in ("TLS", "policy file", "tokens file"):
        assert f"ok    {named}: " in ended.stdout

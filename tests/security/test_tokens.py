from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from mlsdm_grpc.errors import InvalidInput, Unauthenticated
from mlsdm_grpc.security.authenticator import DevAuthenticator, VerifierChain
from mlsdm_grpc.security.presented import MAX_CREDENTIAL_BYTES
from mlsdm_grpc.security.principal import ATTEST, Criticality
from mlsdm_grpc.security.roles import ROLES
from mlsdm_grpc.security.static_keys import StaticKeys
from tests.support.ping import serving

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _reading(file, now=lambda: NOW):
    return VerifierChain([StaticKeys(file, now=now)])


def _sha(token):
    return hashlib.sha256(token.encode()).hexdigest()


def token_entry(token, name="job", tenant="acme", **more):
    lines = {"name": name, "tenant": tenant, "sha256": _sha(token), **more}
    return "[[token]]\n" + "".join(f'{key} = "{value}"\n' for key, value in lines.items())


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "tokens.toml"
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def tokens(write):
    return _reading(
        write(
            token_entry("right")
            + token_entry("other", name="reader", tenant="zeta-1")
            + token_entry("old", expires="2026-11-23T12:00:00Z")
            + token_entry("young", name="young", expires="2026-11-23T13:00:01+01:00")
        ),
        now=lambda: NOW,
    )


def _ask(tokens, repeated=(), **metadata):
    return tokens.authenticate({key.replace("_", "-"): v for key, v in metadata.items()}, repeated)


def test_a_token_proves_its_principal(tokens):
    for shown in ({"authorization": "Bearer right"}, {"x_api_key": "right"}):
        found = _ask(tokens, **shown)
        assert (found.name, found.tenant, found.actor) == ("job", "acme", None)
        assert found.key_id == _sha("right")[:12]
    found = _ask(tokens, authorization="bearer  other ")
    assert (found.name, found.tenant) == ("reader", "zeta-1")
    assert _ask(tokens, authorization="Bearer young").name == "young"


def test_a_token_says_what_its_holder_may_do(write):
    text = token_entry("plain") + token_entry("sre", criticality="critical")
    text += "platform = true\nattest = true\n"
    tokens = _reading(write(text))
    plain, sre = (_ask(tokens, x_api_key=token) for token in ("plain", "sre"))
    assert (plain.max_criticality, plain.roles) == (Criticality.DEFAULT, ("admin",))
    assert plain.permissions == ROLES["admin"] | {"identity.read"}
    assert (sre.max_criticality, sre.roles) == (Criticality.CRITICAL, ("admin", "operator"))
    assert sre.permissions == plain.permissions | ROLES["operator"] | {ATTEST}


def test_authorization_wins_over_the_other_key(tokens):
    assert _ask(tokens, authorization="Bearer other", x_api_key="right").name == "reader"
    with pytest.raises(Unauthenticated):
        _ask(tokens, authorization="Bearer wrong", x_api_key="right")


def test_no_credential_is_missing_with_credential_missing(tokens):
    with pytest.raises(Unauthenticated) as raised:
        _ask(tokens)
    assert raised.value.reason == "CREDENTIAL_MISSING"


def test_every_invalid_credential_gets_the_same_answer_with_credential_invalid(tokens):
    answers = set()
    for value in (
        "Bearer wrong",
        "Bearer rightx",
        "Bearer righ",
        "Bearer RIGHT",
        "Bearer",
        "Bearer ",
        "",
        "right",
        "Basic cmlnaHQ=",
        "Bearer right, Bearer right",
        "Bearer r\u00efght",
        "Bearer " + "x" * MAX_CREDENTIAL_BYTES,
        "Bearer " + _sha("right"),
        b"Bearer right",
    ):
        with pytest.raises(Unauthenticated) as raised:
            _ask(tokens, authorization=value)
        answers.add((raised.value.reason, raised.value.message, str(raised.value.metadata)))
    assert answers == {("CREDENTIAL_INVALID", "The credential is not valid.", "{}")}


@pytest.mark.parametrize("key", ["authorization", "x-api-key"])
def test_two_credentials_are_none(tokens, key):
    with pytest.raises(Unauthenticated) as raised:
        tokens.authenticate({key: "Bearer right"}, {key})
    assert raised.value.reason == "CREDENTIAL_INVALID"


def test_the_longest_credential_is_looked_at(write):
    token = "x" * (MAX_CREDENTIAL_BYTES - len("Bearer "))
    tokens = _reading(write(token_entry(token)))
    assert _ask(tokens, authorization=f"Bearer {token}").name == "job"
    with pytest.raises(Unauthenticated):
        _ask(tokens, authorization=f"Bearer {token}x")


def test_a_token_ends_at_its_moment_with_credential_expired(write):
    now = NOW - timedelta(seconds=1)
    tokens = _reading(write(token_entry("old", expires=NOW.isoformat())), now=lambda: now)
    assert _ask(tokens, authorization="Bearer old").name == "job"
    now = NOW
    with pytest.raises(Unauthenticated) as raised:
        _ask(tokens, authorization="Bearer old")
    assert raised.value.reason == "CREDENTIAL_EXPIRED"
    assert raised.value.metadata == {"expire_time": "2026-11-23T12:00:00+00:00"}


def test_tokens_whose_digests_begin_alike_are_told_apart(write, monkeypatch):
    monkeypatch.setattr("mlsdm_grpc.security.static_keys.PREFIX_BYTES", 0)
    tokens = _reading(
        write(token_entry("one", name="one") + token_entry("two", name="two")), now=lambda: NOW
    )
    assert [_ask(tokens, x_api_key=each).name for each in ("one", "two")] == ["one", "two"]


def test_a_native_time_of_toml_is_taken(write):
    text = f'[[token]]\nname="a"\ntenant="b"\nsha256="{_sha("x")}"\nexpires=2027-01-01T00:00:00Z\n'
    assert _ask(_reading(write(text)), x_api_key="x").name == "a"


def _faults(file):
    with pytest.raises(InvalidInput) as raised:
        _reading(file)
    return {violation.field for violation in raised.value.violations}


def test_all_faults_of_a_file_are_reported_at_once(write):
    text = "stray = 1\n" + "".join(
        (
            token_entry("a", tenant="Acme"),
            token_entry("b", name=""),
            token_entry("c", expires="soon"),
            token_entry("d", expires="2027-01-01T00:00:00"),
            token_entry("e", colour="red"),
            '[[token]]\nname = "f"\ntenant = "t"\nsha256 = "F00"\n',
            "[[token]]\n",
            token_entry("good"),
            token_entry("good"),
            token_entry("h", criticality="urgent", platform="yes"),
        )
    )
    assert _faults(write(text)) == {
        "stray",
        "token[0].tenant",
        "token[1].name",
        "token[2].expires",
        "token[3].expires",
        "token[4].colour",
        "token[5].sha256",
        "token[6].name",
        "token[6].tenant",
        "token[6].sha256",
        "token[8].sha256",
        "token[9].criticality",
        "token[9].platform",
    }


@pytest.mark.parametrize("text", ["", "token = 3", "token = []"])
def test_a_file_without_tokens_is_a_fault(write, text):
    assert _faults(write(text)) == {"token"}


def test_an_entry_that_is_no_table_is_a_fault(write):
    assert _faults(write("token = [1]")) == {"token[0]"}


def test_a_file_that_cannot_be_read_is_a_fault_that_quotes_nothing(write, tmp_path):
    assert _faults(tmp_path / "none.toml") == {"tokens_file"}
    with pytest.raises(InvalidInput) as raised:
        _reading(write("secret = = 1"))
    assert "secret" not in str(raised.value.violations)


@pytest.mark.parametrize(
    "tenant", ["a", "0", "a-b_c", "a" * 63], ids=["one", "digit", "marks", "longest"]
)
def test_tenants_of_the_contract_are_accepted(write, tenant):
    tokens = _reading(write(token_entry("x", tenant=tenant)))
    assert _ask(tokens, x_api_key="x").tenant == tenant


@pytest.mark.parametrize("tenant", ["", "-a", "_tenant", "A", "a.b", "a b", "a" * 64, "a\\n"])
def test_other_tenants_are_not(write, tenant):
    assert _faults(write(token_entry("x", tenant=tenant))) == {"token[0].tenant"}


def test_in_dev_mode_everybody_is_dev():
    dev = DevAuthenticator()
    assert dev.authenticate({"authorization": "junk"}, {"authorization"}).tenant == "dev"


@pytest.mark.anyio
async def test_over_the_wire(tokens):
    async with serving(authenticator=tokens) as running:

        async def ask(*metadata):
            result = await running.call("Unary", "hello", metadata=metadata)
            return result.code if result.code == "OK" else result.error.reason

        assert await ask(("authorization", "Bearer right")) == "OK"
        assert running.ping.call.principal.name == "job"
        assert await ask(("x-api-key", "right")) == "OK"
        assert await ask() == "CREDENTIAL_MISSING"
        assert await ask(("authorization", "Bearer old")) == "CREDENTIAL_EXPIRED"
        twice = ("authorization", "Bearer right")
        assert await ask(twice, twice) == "CREDENTIAL_INVALID"
        assert running.ping.texts == ["hello", "hello"]

"""Tokens of an issuer: what is accepted, how bad ones are refused, and how often keys are asked."""

from __future__ import annotations

import asyncio
import inspect
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from serving import channel, in_process
from structlog.testing import capture_logs

from mlsdm_grpc._gen.mlsdm.v1 import cognition_service_pb2, cognition_service_pb2_grpc
from mlsdm_grpc.config import JwtSettings
from mlsdm_grpc.errors import Unauthenticated, Unavailable
from mlsdm_grpc.security.authenticator import VerifierChain
from mlsdm_grpc.security.jwks import FETCH_EVERY_S, IssuerKeys, is_trustworthy
from mlsdm_grpc.security.jwt_tokens import JwtTokens
from mlsdm_grpc.security.principal import Criticality
from mlsdm_grpc.security.roles import ROLES
from tests.support.bad_tokens import bad_tokens, unlike_tokens
from tests.support.issuer import AUDIENCE, issuing, public_jwk, token
from tests.support.node import refusal

pytestmark = pytest.mark.anyio
ALGORITHMS = ("RS256", "ES256", "EdDSA")


class Desk:
    """A verifier of tokens of an issuer, under a clock that tests turn."""

    def __init__(self, issuer, **settings):
        self.issuer = issuer
        self.now = datetime(2026, 12, 1, 12, tzinfo=UTC)
        self.monotonic_s = 1_000.0
        chosen = {"issuer": issuer.url, "audience": AUDIENCE, "algorithms": ALGORITHMS, **settings}
        self.keys = IssuerKeys(issuer.url, clock=lambda: self.monotonic_s)
        self.tokens = JwtTokens(
            JwtSettings(**chosen), self.keys, roles=lambda: ROLES, now=lambda: self.now
        )
        self._chain = VerifierChain([self.tokens])

    @property
    def now_s(self):
        return int(self.now.timestamp())

    def claims(self, **more):
        return self.issuer.claims(self.now_s, **more)

    def pass_s(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    async def verify(self, text):
        found = self._chain.authenticate({"authorization": f"Bearer {text}"}, ())
        return await found if inspect.isawaitable(found) else found

    async def cause(self, text):
        """Return the logged cause of a refusal, and the error; empty for an accepted token."""
        with capture_logs() as logs:
            try:
                await self.verify(text)
            except Unauthenticated as error:
                causes = [each["cause"] for each in logs if each["event"] == "token_refused"]
                return causes[0] if causes else "", error
        return "accepted", None


@asynccontextmanager
async def desk(**settings):
    async with issuing() as issuer:
        yield Desk(issuer, **settings)


@pytest.mark.parametrize("key", ["RS256-1", "ES256-1", "EdDSA-1"])
async def test_a_good_token_proves_its_principal(key):
    async with desk() as at:
        found = await at.verify(token(at.claims(), key=key))
        assert (found.name, found.tenant, found.roles) == ("service-1", "acme", ("writer",))
        assert found.permissions == ROLES["writer"] | {"identity.read"}
        assert (found.key_id, found.expires_s) == (f"jwt:{key}", at.now_s + 630)
        assert found.spaces is None
        assert at.tokens.holds(found)


async def test_every_bad_token_is_refused_for_its_own_cause_with_one_text():
    async with desk(authorized_parties=("client-1",)) as at:
        twice = public_jwk("RS256-twice")
        at.issuer.keys += [
            public_jwk("RS1024-1"),
            public_jwk("RS256-enc", use="enc"),
            public_jwk("RS256-ps", alg="PS256"),
            twice,
            twice,
        ]
        assert await at.verify(token(at.claims(azp="client-1")))
        cases = list(bad_tokens(at.issuer, at.now_s))
        wrong, texts = [], set()
        for name, text, wanted in cases:
            cause, error = await at.cause(text)
            if cause != wanted:
                wrong.append((name, cause, wanted))
            elif wanted == "expired":
                assert error.reason == "CREDENTIAL_EXPIRED"
            else:
                texts.add((error.reason, error.message, str(error.metadata)))
        assert wrong == []
        assert texts == {("CREDENTIAL_INVALID", "The credential is not valid.", "{}")}
        assert len(cases) >= 80
        assert len({name for name, _, _ in cases}) == len(cases)
        # Unknown ids cause no fetch, because the first one is a moment ago.
        assert at.issuer.key_requests == 1


async def test_what_is_no_token_of_an_issuer_is_refused_as_well():
    async with desk() as at:
        for name, text in unlike_tokens(at.issuer, at.now_s):
            _, error = await at.cause(text)
            assert error is not None, name
            assert error.reason == "CREDENTIAL_INVALID", name


async def test_no_log_line_has_a_part_of_a_token():
    async with desk(authorized_parties=("client-1",)) as at:
        await at.verify(token(at.claims(azp="client-1")))
        with capture_logs() as logs:
            for _, text, _ in bad_tokens(at.issuer, at.now_s):
                with pytest.raises(Unauthenticated):
                    await at.verify(text)
            shown = str(logs)
        for _, text, _ in bad_tokens(at.issuer, at.now_s):
            assert not any(part in shown for part in text.split(".") if len(part) > 20)


async def test_over_the_wire_all_have_one_status():
    async with issuing() as issuer:
        jwt = {"issuer": issuer.url, "audience": AUDIENCE, "authorized_parties": ["client-1"]}
        security = {"mode": "token", "authenticators": ["jwt"], "jwt": jwt}
        async with in_process(security=security) as server, channel(server.listen) as opened:
            stub = cognition_service_pb2_grpc.CognitionServiceStub(opened)

            async def ask(text):
                request = cognition_service_pb2.GetStateRequest(space="none")
                metadata = [("authorization", f"Bearer {text}")]
                return await refusal(stub.GetState(request, metadata=metadata, timeout=20))

            now_s = int(datetime.now(UTC).timestamp())
            good = token(issuer.claims(now_s, azp="client-1"))
            assert (await ask(good)).reason == "SPACE_NOT_FOUND"
            seen = set()
            for name, text, cause in bad_tokens(issuer, now_s):
                if "in the future" in name:  # a slow machine reaches that time
                    continue
                refused = await ask(text)
                assert refused.code.name == "UNAUTHENTICATED", name
                if cause != "expired":
                    seen.add((refused.reason, refused.message))
            assert seen == {("CREDENTIAL_INVALID", "The credential is not valid.")}
            assert (await ask(good)).reason == "SPACE_NOT_FOUND"


@pytest.mark.parametrize(
    ("claims", "settings", "found"),
    [
        ({"aud": [AUDIENCE]}, {}, {}),
        ({"tenant": None}, {"tenant": "fixed"}, {"tenant": "fixed"}),
        (
            {"tenant": None, "https://x.example/tenant": "far"},
            {"tenant_claim": "https://x.example/tenant"},
            {"tenant": "far"},
        ),
        (
            {"roles": None, "realm": {"roles": ["reader"]}},
            {"roles_claim": "realm.roles"},
            {"roles": ("reader",)},
        ),
        ({"roles": "reader operator x"}, {}, {"roles": ("reader", "operator")}),
        (
            {"roles": ["staff", "admin"]},
            {"role_map": ("staff=reader", "boss=admin")},
            {"roles": ("reader",)},
        ),
        ({"roles": None}, {}, {"roles": (), "permissions": frozenset({"identity.read"})}),
        ({"prio": "critical"}, {"criticality_claim": "prio"}, {"max_criticality": 2}),
        ({"prio": "critical"}, {}, {"max_criticality": Criticality.DEFAULT}),
    ],
)
async def test_claims_map_as_configured(claims, settings, found):
    async with desk(**settings) as at:
        principal = await at.verify(token(at.claims(**claims)))
        assert {name: getattr(principal, name) for name in found} == found


async def test_spaces_of_a_claim_are_the_only_ones():
    async with desk(spaces_claim="spaces") as at:
        some = await at.verify(token(at.claims(spaces=["inbox", "team-*"])))
        assert [each in some.spaces for each in ("inbox", "team-a", "other")] == [True, True, False]
        none = await at.verify(token(at.claims()))
        assert "default" not in none.spaces
        with pytest.raises(Unauthenticated):
            await at.verify(token(at.claims(spaces=["../x"])))


async def test_personal_subjects_are_hashed():
    async with desk() as at:
        names = [
            (await at.verify(token(at.claims(sub=sub)))).name
            for sub in ("ada@example.com", "auth0|5f7c", "ada\nlovelace", "x" * 200)
        ]
        assert all(name.startswith("sub-") and len(name) == 28 for name in names)
        assert len(set(names)) == 4


async def test_a_token_ends_with_its_leeway():
    async with desk() as at:
        text = token(at.claims())
        principal = await at.verify(text)
        at.pass_s(629)
        assert (await at.verify(text)) == principal
        assert at.tokens.holds(principal)
        at.pass_s(1)
        assert (await at.cause(text))[1].reason == "CREDENTIAL_EXPIRED"
        assert not at.tokens.holds(principal)


async def test_the_cache_is_bounded_and_verifies_again_after_a_minute(monkeypatch):
    async with desk(cache_entries=16) as at:
        texts = [token(at.claims(sub=f"s{index}"), key="EdDSA-1") for index in range(40)]
        for text in texts:
            await at.verify(text)
        assert len(at.tokens) == 16
        verified = []
        key = type(at.keys.find("EdDSA-1"))
        real = key.verify
        monkeypatch.setattr(key, "verify", lambda *given: verified.append(1) or real(*given))
        await at.verify(texts[-1])
        assert verified == []
        at.pass_s(61)
        await at.verify(texts[-1])
        assert verified == [1]


async def test_a_new_key_is_fetched_once_for_all_calls_that_need_it():
    async with desk() as at:
        await at.verify(token(at.claims()))
        at.issuer.keys.append(public_jwk("ES256-2"))
        at.pass_s(FETCH_EVERY_S)
        texts = [token(at.claims(sub=f"s{index}"), key="ES256-2") for index in range(50)]
        found = await asyncio.gather(*map(at.verify, texts))
        assert {each.key_id for each in found} == {"jwt:ES256-2"}
        assert at.issuer.key_requests == 2


async def test_a_storm_of_unknown_ids_causes_one_fetch_in_30_s_and_harms_nobody():
    async with desk() as at:
        good = token(at.claims())
        await at.verify(good)
        asked_at = []
        for second in range(120):
            before = at.issuer.key_requests
            for index in range(20):
                unknown = token(at.claims(), kid=f"made-up-{second}-{index}")
                assert (await at.cause(unknown))[0] == "kid_unknown"
            asked_at += [second] * (at.issuer.key_requests - before)
            assert await at.verify(good)
            at.pass_s(1)
        assert asked_at == [30, 60, 90]


async def test_valid_tokens_go_on_while_the_issuer_is_down():
    async with desk() as at:
        await at.verify(token(at.claims()))
        at.issuer.is_down = True
        for _ in range(10):
            at.pass_s(FETCH_EVERY_S)
            assert (await at.cause(token(at.claims(), kid="other")))[0] == "kid_unknown"
            assert await at.verify(token(at.claims(sub="later")))
        at.issuer.is_down = False
        at.issuer.keys.append(public_jwk("ES256-2"))
        at.pass_s(FETCH_EVERY_S)
        assert await at.verify(token(at.claims(), key="ES256-2"))


async def test_an_issuer_that_was_never_reached_is_unavailable():
    async with desk() as at:
        at.issuer.is_down = True
        for _ in range(3):
            with pytest.raises(Unavailable) as raised:
                await at.verify(token(at.claims()))
            assert raised.value.reason == "ISSUER_UNAVAILABLE"
        assert at.issuer.metadata_requests == 1
        at.issuer.is_down = False
        at.pass_s(FETCH_EVERY_S)
        assert await at.verify(token(at.claims()))


async def test_a_key_that_was_taken_away_ends_its_tokens():
    async with desk() as at:
        text = token(at.claims())
        principal = await at.verify(text)
        del at.issuer.keys[0]
        at.pass_s(FETCH_EVERY_S)
        await at.cause(token(at.claims(), kid="other"))
        assert (await at.cause(text))[0] == "kid_unknown"
        assert not at.tokens.holds(principal)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"keys": 1}', b'{"keys": [1, {"kty": "RSA", "kid": "RS256-1"}]}',
     b"x" * 600_000, b"[" * 100_000, b'{"keys": [' + b"1," * 200 + b"1]}"],
    ids=["empty", "none", "list", "number", "broken keys", "large", "deep", "many"],
)  # fmt: skip
async def test_a_bad_answer_of_the_issuer_is_an_outage(body):
    async with desk() as at:
        text = token(at.claims())
        await at.verify(text)
        at.issuer.body = body
        at.pass_s(FETCH_EVERY_S)
        await at.cause(token(at.claims(), kid="other"))
        at.issuer.body = None
        good = body.startswith(b'{"keys": [1, {')
        assert (at.keys.find("RS256-1") is None) == good


@pytest.mark.parametrize("answer", ["issuer", "plain", "missing"])
async def test_metadata_of_another_issuer_are_refused(answer):
    async with desk() as at:
        real = type(at.issuer).metadata

        async def metadata(request):
            response = await real(at.issuer, request)
            body = {
                "issuer": {"issuer": "https://evil.example", "jwks_uri": f"{at.issuer.url}/keys"},
                "plain": {"issuer": at.issuer.url, "jwks_uri": "http://192.0.2.1/keys"},
                "missing": {"issuer": at.issuer.url},
            }[answer]
            response.text = json.dumps(body)
            return response

        at.issuer.answer_metadata = metadata
        with pytest.raises(Unavailable):
            await at.verify(token(at.claims()))
        assert at.issuer.key_requests == 0


def test_keys_are_asked_over_https_or_on_this_machine():
    good = ("https://a.example", "http://127.0.0.1:5", "http://[::1]:5/x", "http://localhost/x")
    bad = ("http://a.example", "http://10.0.0.1", "ftp://127.0.0.1", "file:///etc/passwd", "https:")
    assert all(map(is_trustworthy, good))
    assert not any(map(is_trustworthy, bad))
    # Settings are logged, and must not be of a form that raises something else.
    assert not any(
        map(is_trustworthy, ("https://a:b@c.example", "https://a@c.example", "http://["))
    )

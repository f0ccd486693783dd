"""TLS on both ports, client certificates, and their rotation while calls run."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import warnings
from contextlib import asynccontextmanager

import aiohttp
import grpc
import pytest
from forks import run_forked
from serving import in_process

from mlsdm_grpc.client import MemoryClient
from mlsdm_grpc.client.transport_credentials import tls_credentials
from mlsdm_grpc.config import TlsSettings
from mlsdm_grpc.errors import ApiStatusError, InvalidInput, NotFound, Unauthenticated, Unavailable
from mlsdm_grpc.security.tls_files import TlsFiles
from tests.support.certificates import Authority, Folder

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]
CLIENT = "spiffe://acme.example/ns/prod/sa/ingest"
POLICY = """
[[certificate]]
san = "{san}"
name = "ingest"
tenant = "acme"
roles = ["writer"]
"""


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture(scope="module")
def clients():
    return Authority("Client CA")


@pytest.fixture
def folder(tmp_path, authority):
    found = Folder(tmp_path)
    found.write(authority.issue("localhost", "127.0.0.1"))
    return found


def _credentials(authority, pair=None):
    certificate, key = pair or (None, None)
    return grpc.ssl_channel_credentials(authority.pem, key, certificate)


@asynccontextmanager
async def _client(server, credentials, **options):
    target = f"localhost:{server.listen.port}"
    async with MemoryClient(target, credentials=credentials, timeout_s=10, **options) as client:
        yield client


async def _refused(server, credentials):
    """Return True if no call gets an answer, because the handshake fails."""
    async with _client(server, credentials) as client:
        try:
            await client.server_info(timeout_s=3)
        except (ApiStatusError, Unavailable):
            return True
        except Unauthenticated:
            return False
    return False


@asynccontextmanager
async def _mutual(tmp_path, folder, clients, *, san=CLIENT):
    """Run a server that asks for client certificates."""
    policy = tmp_path / "policy.toml"
    await asyncio.to_thread(policy.write_text, POLICY.format(san=san))
    await asyncio.to_thread(folder.client_ca.write_bytes, clients.pem)
    security = {
        "mode": "token",
        "authenticators": ["certificate"],
        "policy_file": str(policy),
    }
    tls = folder.settings(mutual=True)
    async with in_process(server={"tls": tls}, security=security) as server:
        yield server, policy


async def test_calls_are_encrypted_and_plain_ones_fail(folder, authority):
    async with in_process(server={"tls": folder.settings()}) as server:
        async with _client(server, _credentials(authority)) as client:
            assert (await client.server_info()).name == "mlsdm-grpc"
        assert await _refused(server, None)


async def test_a_server_of_another_authority_name_or_time_is_refused(tmp_path, authority):
    folder = Folder(tmp_path)
    cases = {
        "another authority": Authority("Other").issue("localhost"),
        "self-signed": authority.issue("localhost", own=True),
        "wrong name": authority.issue("other.example"),
        "ended": authority.issue("localhost", days=-1, started_days=5),
        "not begun": authority.issue("localhost", started_days=-1),
        "for clients": authority.issue("localhost", use="client"),
    }
    for name, pair in cases.items():
        await asyncio.to_thread(folder.write, pair)
        async with in_process(server={"tls": folder.settings()}) as server:
            assert await _refused(server, _credentials(authority)), name


@pytest.mark.parametrize("port", ["listen", "ops"])
async def test_old_versions_of_tls_are_refused(folder, authority, port):
    async with in_process(server={"tls": folder.settings()}) as server:
        address = getattr(server, port)

        def handshake(version):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cadata=authority.pem.decode())
            context.set_alpn_protocols(["h2", "http/1.1"])
            with warnings.catch_warnings(action="ignore"):  # the versions are old on purpose
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = version
            context.set_ciphers("ALL:@SECLEVEL=0")
            with (
                socket.create_connection(("127.0.0.1", address.port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as secure,
            ):
                return secure.version()

        for version, name in (
            (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
            (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
        ):
            assert await asyncio.to_thread(handshake, version) == name
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises((ssl.SSLError, OSError)):
                await asyncio.to_thread(handshake, version)


async def test_the_operations_port_speaks_tls_too(folder, authority):
    async with in_process(server={"tls": folder.settings()}) as server:
        context = ssl.create_default_context(cadata=authority.pem.decode())
        url = f"https://localhost:{server.ops.port}/livez"
        async with aiohttp.ClientSession() as session:
            async with session.get(url, ssl=context) as response:
                assert response.status == 200
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://localhost:{server.ops.port}/livez")


async def test_a_certificate_proves_its_principal(tmp_path, folder, authority, clients):
    async with _mutual(tmp_path, folder, clients) as (server, _):
        pair = clients.issue(CLIENT, use="client")
        async with _client(server, _credentials(authority, pair)) as client:
            with pytest.raises(NotFound):
                await client.state()
            await client.put("A note of the client with a certificate.")
            # A writer may not administer the node.
            assert (await client.server_info()).name == "mlsdm-grpc"


async def test_a_dns_name_proves_its_principal(tmp_path, folder, authority, clients):
    san = "dns:ingest.acme.example"
    async with _mutual(tmp_path, folder, clients, san=san) as (server, _):
        pair = clients.issue("ingest.acme.example", use="client")
        async with _client(server, _credentials(authority, pair)) as client:
            assert (await client.server_info()).name == "mlsdm-grpc"


async def test_certificates_of_clients_that_are_refused(tmp_path, folder, authority, clients):
    async with _mutual(tmp_path, folder, clients) as (server, _):
        handshakes = {
            "none": None,
            "another authority": Authority("Other").issue(CLIENT, use="client"),
            "self-signed": clients.issue(CLIENT, use="client", own=True),
            "ended": clients.issue(CLIENT, use="client", days=-1, started_days=5),
            "not begun": clients.issue(CLIENT, use="client", started_days=-1),
            "for servers": clients.issue(CLIENT, use="server"),
        }
        for name, pair in handshakes.items():
            assert await _refused(server, _credentials(authority, pair)), name
        unknown = {
            "no name": clients.issue(use="client"),
            "another name": clients.issue(f"{CLIENT}2", use="client"),
            "a prefix": clients.issue(CLIENT[:-1], use="client"),
            "the name as DNS": clients.issue("ingest", use="client"),
        }
        for name, pair in unknown.items():
            async with _client(server, _credentials(authority, pair)) as client:
                with pytest.raises(Unauthenticated) as raised:
                    await client.server_info()
                nameless = name == "no name"
                wanted = "CREDENTIAL_MISSING" if nameless else "CREDENTIAL_INVALID"
                assert raised.value.reason == wanted, name


async def test_an_identity_taken_out_of_the_mapping_is_refused(
    tmp_path, folder, authority, clients
):
    async with _mutual(tmp_path, folder, clients) as (server, policy):
        pair = clients.issue(CLIENT, use="client")
        async with _client(server, _credentials(authority, pair)) as client:
            await client.put("A first note.")
            watch = client.watch_state()
            await anext(watch)
            await asyncio.to_thread(policy.write_text, POLICY.format(san=f"{CLIENT}2"))
            began = time.monotonic()
            with pytest.raises(Unauthenticated):
                await _ask_on(client)
            assert time.monotonic() < began + 5
            with pytest.raises(Unauthenticated):
                await _follow(watch)


async def _until(server, credentials, *, refused):
    async with asyncio.timeout(10):
        while await _refused(server, credentials) != refused:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.05)


async def _ask_on(client):
    async with asyncio.timeout(10):
        while True:
            await client.server_info()
            await asyncio.sleep(0.05)


async def _follow(stream):
    async with asyncio.timeout(60):
        async for _ in stream:
            pass


async def _rotate(server, folder, count, issue, authority):
    """Replace the material, and after each change make new connections until one uses it."""
    failed = 0
    for _ in range(count):
        pair = issue()
        await asyncio.to_thread(folder.write, pair)
        server.authentication.reload()
        serial = ssl.PEM_cert_to_DER_cert(pair[0].decode())

        def shown():
            return ssl.PEM_cert_to_DER_cert(
                ssl.get_server_certificate(("127.0.0.1", server.listen.port), timeout=5)
            )

        began = time.monotonic()
        while await asyncio.to_thread(shown) != serial:
            assert time.monotonic() < began + 5
            await asyncio.sleep(0.02)
        async with _client(server, _credentials(authority)) as client:
            try:
                await client.server_info()
            except ApiStatusError:
                failed += 1
    return failed


async def test_the_certificate_of_the_server_rotates_under_load(folder, authority):
    count = 50
    async with in_process(server={"tls": folder.settings()}) as server:
        stop = asyncio.Event()
        calls = 0

        async def load():
            nonlocal calls
            while not stop.is_set():
                async with _client(server, _credentials(authority)) as client:
                    for _ in range(20):
                        await client.server_info()
                        calls += 1

        async with asyncio.TaskGroup() as tasks:
            for _ in range(2):
                tasks.create_task(load())
            failed = await _rotate(
                server, folder, count, lambda: authority.issue("localhost"), authority
            )
            stop.set()
        assert failed == 0
        assert calls >= count


async def test_the_authority_of_clients_rotates_twice(tmp_path, folder, authority, clients):
    async with _mutual(tmp_path, folder, clients) as (server, _):
        old = clients
        old_pair = old.issue(CLIENT, use="client")
        for number in range(2):
            new = Authority(f"Client CA {number + 2}")
            new_pair = new.issue(CLIENT, use="client")
            for trusted in (old.pem + new.pem, new.pem):
                await asyncio.to_thread(folder.client_ca.write_bytes, trusted)
                server.authentication.reload()
                await _until(server, _credentials(authority, new_pair), refused=False)
                if trusted == new.pem:
                    await _until(server, _credentials(authority, old_pair), refused=True)
                else:
                    assert not await _refused(server, _credentials(authority, old_pair))
            old, old_pair = new, new_pair


def test_material_that_does_not_fit_is_refused_and_the_old_one_stays(folder, authority):
    files = TlsFiles(TlsSettings(**folder.settings()))
    before = files.material
    other = authority.issue("localhost")
    for name, content in (
        ("key", other[1]),
        ("key", b""),
        ("key", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
        ("certificate", b"no certificate"),
        ("certificate", None),
    ):
        path = getattr(folder, name)
        kept = path.read_bytes()
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        with pytest.raises(InvalidInput) as raised:
            files.reload()
        assert all(each.field.startswith("server.tls.") for each in raised.value.violations)
        assert "AA==" not in str(raised.value.violations)
        assert files.material is before
        path.write_bytes(kept)
    folder.write(other)
    files.reload()
    assert files.material.certificate == other[0]
    assert other[1].decode() not in repr(files.material)


async def test_the_commands_speak_tls(tmp_path, folder, authority, clients):
    async with _mutual(tmp_path, folder, clients) as (server, _):
        pair = clients.issue(CLIENT, use="client")
        paths = [tmp_path / name for name in ("ca.pem", "client.pem", "client.key")]

        def run(*words):
            for path, content in zip(paths, (authority.pem, *pair), strict=True):
                path.write_bytes(content)
            flags = ("--ca", paths[0], "--cert", paths[1], "--key", paths[2])
            target = ("--target", f"localhost:{server.listen.port}")
            return run_forked(*words, *target, *map(str, flags))

        for words in (("health",), ("put", "A note."), ("query", "note"), ("state",),
                      ("call", "AdminService/GetServerInfo")):  # fmt: skip
            ended = await asyncio.to_thread(run, *words)
            assert ended.returncode == 0, (words, ended.stderr)


def test_credentials_of_the_client_name_a_bad_file(tmp_path):
    with pytest.raises(InvalidInput, match="ca: cannot be read"):
        tls_credentials(tmp_path / "none.pem")
    with pytest.raises(InvalidInput, match="certificate: certificate and key must be set together"):
        tls_credentials(certificate=tmp_path / "a.pem")
    (tmp_path / "x").write_text("x")
    with pytest.raises(InvalidInput, match="is not a PEM file"):
        tls_credentials(tmp_path / "x")

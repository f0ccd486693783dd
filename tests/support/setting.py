"""A gateway over real providers and real upstreams, with short timeouts."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import anyio.to_thread

from mlsdm_grpc.config import LlmSettings, OpenAISettings
from mlsdm_grpc.llm.gateway import Gateway
from mlsdm_grpc.llm.providers.provider import ModelRequest
from mlsdm_grpc.observability.metrics import Metrics


class Permits:
    """Permits that admit every call and count those inside."""

    inside_count = 0

    @contextlib.contextmanager
    def inside(self, tenant):
        del tenant
        self.inside_count += 1
        try:
            yield
        finally:
            self.inside_count -= 1


QUICK = {
    "timeout_s": 0.4,
    "stream_idle_timeout_s": 0.4,
    "deadline_margin_s": 0.05,
    "retry_floor": 100,
}


def openai_settings(url, tmp_path, **more):
    key = tmp_path / "key"
    key.write_text("sk-a-key-that-must-not-show\n")
    known = {
        "base_url": url,
        "key_file": key,
        "model": "small",
        "allowed_models": ("large",),
        "connect_timeout_s": 0.4,
        "allow_plain_http": True,
    }
    return OpenAISettings(**(known | more))


@contextlib.asynccontextmanager
async def gateway_over(*makers, clock=None, sleep=None, jitter=0.0, **settings):
    """Create a gateway with providers that ``makers`` make in a thread; record its pauses."""
    loop = asyncio.get_running_loop()
    slept = []

    async def no_sleep(seconds):
        slept.append(seconds)

    built = [await anyio.to_thread.run_sync(make) for make in makers]
    permits, metrics = Permits(), Metrics()
    gateway = Gateway(
        built,
        LlmSettings(**(QUICK | settings)),
        permits=permits,
        metrics=metrics,
        clock=clock or loop.time,
        sleep=sleep or no_sleep,
        jitter=lambda: jitter,
    )
    gateway.slept, gateway.permits, gateway.metrics = slept, permits, metrics
    try:
        yield gateway
    finally:
        await gateway.aclose()


def asking(prompt="Is it?", *, within_s=5.0, **more):
    deadline_s = asyncio.get_running_loop().time() + within_s
    return ModelRequest(prompt=prompt, deadline_s=deadline_s, **more)


async def streamed(gateway, request, tenant="t"):
    """Return the pieces of a streamed answer and its result."""
    async with gateway.stream(request, tenant=tenant) as answer:
        return [piece async for piece in answer], answer.result


def certificate(folder, *, name="localhost", expired=False):
    """Return a server's TLS context and the file of its authority."""
    import ssl

    import trustme

    authority = trustme.CA()
    until = datetime.now(UTC) - timedelta(days=1) if expired else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=until).configure_cert(context)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, file

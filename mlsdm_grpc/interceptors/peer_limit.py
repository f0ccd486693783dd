"""Rate limits by peer address, before authentication."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import QuotaExceeded, Unauthenticated
from mlsdm_grpc.security.token_bucket import TokenBuckets, rate_limited
from mlsdm_grpc.wire.call import Interceptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlsdm_grpc.config import LimitSettings
    from mlsdm_grpc.wire.call import Call

__all__ = ["PeerLimitInterceptor"]

_FORWARDED: Final = "x-forwarded-for"
_IPV6_PREFIX: Final = 64


class PeerLimitInterceptor(Interceptor):
    """Interceptor that refuses calls of an address above its rate.

    One rate limits all calls, another one failed authentications.
    """

    def __init__(
        self, settings: LimitSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create the interceptor.

        Args:
            settings: Rates, bursts and trusted proxies.
            clock: Monotonic clock, seconds.
        """
        most = settings.max_peers
        self._calls = (
            TokenBuckets(settings.peer_per_s, settings.peer_burst, max_keys=most, clock=clock)
            if settings.peer_per_s
            else None
        )
        self._failures = TokenBuckets(
            settings.failures_per_s, settings.failures_burst, max_keys=most, clock=clock
        )
        self._proxies = [ipaddress.ip_network(each) for each in settings.trusted_proxies]

    def __len__(self) -> int:
        """Return the number of addresses with a state."""
        return len(self._failures) + (len(self._calls) if self._calls is not None else 0)

    def before(self, call: Call) -> None:
        if call.method.open:
            return
        key = self._address(call)
        if self._calls is not None and (wait_s := self._calls.take(key)):
            raise _refused("peer", self._calls.burst, wait_s)
        if len(self._failures) and (wait_s := self._failures.wait_s(key)):
            raise _refused("failures", self._failures.burst, wait_s)

    def after(self, call: Call) -> None:
        if isinstance(call.error, Unauthenticated):
            self._failures.charge(self._address(call))

    def _address(self, call: Call) -> str:
        """Return the address to which a call counts."""
        address = call.peer
        if self._proxies and self._is_proxy(address):
            for hop in reversed(call.text(_FORWARDED).split(",")):
                if not (hop := hop.strip()) or not self._is_proxy(hop):
                    address = hop or address
                    break
        return _network(address)

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def _network(address: str) -> str:
    """Return the key of an address: an IPv4 address, the /64 of an IPv6 address, or ``other``."""
    if ":" not in address and address.count(".") == 3 and len(address) <= 15:
        return address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "other"
    if parsed.version == 6 and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network(f"{parsed}/{_IPV6_PREFIX}", strict=False))


def _refused(quota_id: str, burst: int, wait_s: float) -> QuotaExceeded:
    message = "The address is over its rate of calls; retry later."
    return rate_limited(message, limit=burst, quota_id=quota_id, retry_after_s=wait_s)

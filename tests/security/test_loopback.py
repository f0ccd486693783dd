"""One rule for what only this machine can reach: listeners, issuers, endpoints of models."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlsdm_grpc.config import Address, OpenAISettings
from mlsdm_grpc.security.jwks import is_trustworthy

HOSTS = {
    "127.0.0.1": True,
    "127.8.9.10": True,
    "::1": True,
    "localhost": True,
    "LOCALHOST": True,
    "127.999.0.1": False,
    "127.0.0.1.example": False,
    "localhost.example": False,
    "10.0.0.1": False,
    "0.0.0.0": False,
    "::": False,
    "::2": False,
}


def _is_accepted(url):
    try:
        return bool(OpenAISettings(base_url=url).hosts)
    except ValidationError:
        return False


@pytest.mark.parametrize("host", HOSTS)
def test_listeners_issuers_and_endpoints_have_one_rule(host):
    address = Address(host, 1)
    url = f"http://{address}/v1"
    found = (address.is_loopback, is_trustworthy(url), _is_accepted(url))
    assert found == (HOSTS[host],) * 3

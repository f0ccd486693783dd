"""Conversion of principals to messages of the contract."""

from __future__ import annotations

import math

from mlsdm_grpc._gen.mlsdm.v1 import identity_pb2
from mlsdm_grpc.messages.times import timestamp
from mlsdm_grpc.security.principal import Principal

__all__ = ["identity"]


def identity(principal: Principal) -> identity_pb2.Identity:
    """Return a principal as a message."""
    found = identity_pb2.Identity(
        name=principal.name,
        tenant=principal.tenant,
        roles=principal.roles,
        permissions=sorted(principal.permissions),
        spaces=principal.spaces.patterns if principal.spaces else (),
        all_spaces=principal.spaces is None,
        key_id=principal.key_id,
        max_criticality=principal.max_criticality.name.lower(),
    )
    if principal.actor is not None:
        found.actor_name, found.actor_tenant = principal.actor.name, principal.actor.tenant
    if principal.expires_s < math.inf:
        found.expire_time.CopyFrom(timestamp(round(principal.expires_s * 1_000_000_000)))
    return found

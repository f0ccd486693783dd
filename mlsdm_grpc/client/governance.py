"""The policy of the tenant, as the client sees it."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2 import (
    GetPolicyRequest,
    GetPolicyResponse,
    SetPolicyRequest,
    SetPolicyResponse,
)
from mlsdm_grpc.client.base import ClientBase
from mlsdm_grpc.client.connection import new_request_id

__all__ = ["Governance"]


class Governance(ClientBase):
    """Reads and replaces the governance policy of the tenant."""

    async def get_policy(
        self, *, min_revision: int | None = None, timeout_s: float | None = None
    ) -> GetPolicyResponse:
        """Return the policy of the tenant: all rules with their effective settings.

        Args:
            min_revision: Lowest revision of the tenant's reserved space that the answer may be of.
            timeout_s: Deadline, seconds; None is the client's.
        """
        request = GetPolicyRequest(min_revision=min_revision)
        return await self._connection.unary(
            self._governance.GetPolicy, request, timeout_s=timeout_s
        )

    async def set_policy(
        self,
        policy: Policy,
        *,
        etag: str | None = None,
        validate_only: bool = False,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> SetPolicyResponse:
        """Replace the policy of the tenant; what is left out becomes what is built in.

        Args:
            policy: The whole new policy, for example ``Policy(base_moral_threshold=0.6)``. In one
                that was read, the threshold of the rule "moral.threshold" has to change along.
            etag: Etag of the policy that is replaced; None is the one inside ``policy``, as
                :meth:`get_policy` returned it.
            validate_only: Tell what the policy would come to, write nothing.
            request_id: UUID of this write; None makes one.
            timeout_s: Deadline, seconds; None is the client's.

        Raises:
            Conflict: Another policy was set since: read it again.
            InvalidInput: The server does not know a rule, or cannot carry out a setting.
        """
        write_id = request_id or new_request_id()
        request = SetPolicyRequest(
            policy=policy,
            etag=policy.etag if etag is None else etag,
            request_id=write_id,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._governance.SetPolicy, request, timeout_s=timeout_s, write_id=write_id
        )

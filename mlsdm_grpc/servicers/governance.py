"""GovernanceService: the policy of a tenant."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1 import governance_service_pb2
from mlsdm_grpc.core.policy import StoredPolicy
from mlsdm_grpc.engine.policies import Policies
from mlsdm_grpc.wire import policies, requests
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.wire.fields import Fields

__all__ = ["GovernanceServicer"]


class GovernanceServicer:
    """Serves ``mlsdm.v1.GovernanceService``.

    Args:
        policies: Where the policies are.
    """

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def GetPolicy(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.GetPolicyRequest, call: Call
    ) -> governance_service_pb2.GetPolicyResponse:
        fields = Fields()
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        view = await self._policies.get(
            call.principal.tenant, min_revision=min_revision, deadline_s=call.deadline_s
        )
        return governance_service_pb2.GetPolicyResponse(
            policy=policies.policy_message(view.policy), revision=view.revision
        )

    async def SetPolicy(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.SetPolicyRequest, call: Call
    ) -> governance_service_pb2.SetPolicyResponse:
        fields = Fields()
        ticket = requests.ticket(fields, call, request, request.request_id)
        body = policies.new_policy(fields, request)
        fields.check()
        tenant = call.principal.tenant
        if request.validate_only:
            foreseen = await self._policies.preview(tenant, body, ticket)
            return governance_service_pb2.SetPolicyResponse(
                policy=policies.policy_as_it_would_be(body.settings), revision=foreseen.revision
            )
        done = await self._policies.set(tenant, body, ticket)
        policy = StoredPolicy(body.settings, done.revision, done.update_time_ns)
        return governance_service_pb2.SetPolicyResponse(
            policy=policies.policy_message(policy), revision=done.revision
        )

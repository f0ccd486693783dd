"""GovernanceService: evaluation and repair of texts, and the policy of a tenant."""

from __future__ import annotations

from collections.abc import Callable

from mlsdm_grpc._gen.mlsdm.v1 import governance_service_pb2
from mlsdm_grpc.core.model.policy import StoredPolicy
from mlsdm_grpc.generation.speech_repair import Repairs
from mlsdm_grpc.messages.fields import Fields
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.moderation.tenant_policies import Policies
from mlsdm_grpc.wire import governance, policies, requests
from mlsdm_grpc.wire.call import Call
from mlsdm_grpc.workers.text_codec import report_to_proto

__all__ = ["GovernanceServicer"]


class GovernanceServicer:
    """Servicer of ``mlsdm.v1.GovernanceService``.

    Args:
        policies: Operations on policies.
        judging: Evaluator of texts.
        repairs: Repair of texts in telegraphic style.
        max_text_bytes: Maximum size of a text, bytes.
        now_ns: Returns the wall clock time, Unix nanoseconds.
    """

    def __init__(
        self,
        policies: Policies,
        judging: Judging,
        repairs: Repairs,
        *,
        max_text_bytes: int,
        now_ns: Callable[[], int],
    ) -> None:
        self._policies = policies
        self._judging = judging
        self._repairs = repairs
        self._max_text_bytes = max_text_bytes
        self._now_ns = now_ns

    async def EvaluateContent(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.EvaluateContentRequest, call: Call
    ) -> governance_service_pb2.EvaluateContentResponse:
        fields = Fields()
        text = fields.text("text", request.text, required=True, max_bytes=self._max_text_bytes)
        stage = governance.stage(fields, request.stage)
        fields.check()
        judged = await self._judging.judge(
            text,
            stage,
            tenant=call.principal.tenant,
            deadline_s=call.deadline_s,
            whole=True,
            redacts=request.redact,
            counted=False,
        )
        return governance.evaluation(text, judged, redacts=request.redact)

    async def AnalyzeSpeech(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.AnalyzeSpeechRequest, call: Call
    ) -> governance_service_pb2.AnalyzeSpeechResponse:
        fields = Fields()
        text = fields.text("text", request.text, max_bytes=self._max_text_bytes)
        profile = governance.profile(fields, request.profile)
        language = governance.language(fields, request.language)
        fields.check()
        report = await self._judging.speech(
            text,
            profile=profile,
            language=language,
            tenant=call.principal.tenant,
            deadline_s=call.deadline_s,
        )
        return governance_service_pb2.AnalyzeSpeechResponse(report=report_to_proto(report))

    async def RepairSpeech(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.RepairSpeechRequest, call: Call
    ) -> governance_service_pb2.RepairSpeechResponse:
        fields = Fields()
        wanted = governance.repair_request(fields, call, request, max_bytes=self._max_text_bytes)
        fields.check()
        repaired, spent = await self._repairs.repair_governed(wanted)
        return governance.repaired_speech(wanted.text, repaired, spent)

    async def GetPolicy(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.GetPolicyRequest, call: Call
    ) -> governance_service_pb2.GetPolicyResponse:
        fields = Fields()
        min_revision = fields.min_revision(request.min_revision)
        fields.check()
        view = await self._policies.get(
            call.principal.tenant, min_revision=min_revision, deadline_s=call.deadline_s
        )
        effective = self._policies.come_to(view.policy, self._now_ns())
        return governance_service_pb2.GetPolicyResponse(
            policy=policies.policy_message(view.policy, effective), revision=view.revision
        )

    async def SetPolicy(  # noqa: N802 - the contract's name
        self, request: governance_service_pb2.SetPolicyRequest, call: Call
    ) -> governance_service_pb2.SetPolicyResponse:
        fields = Fields()
        ticket = requests.ticket(fields, call, request, request.request_id)
        now_ns = self._now_ns()
        body = policies.new_policy(
            fields,
            request,
            self._policies.rules,
            now_ns=requests.memory_clock_ns(request.request_id, now_ns),
        )
        fields.check()
        tenant = call.principal.tenant
        if request.validate_only:
            foreseen = await self._policies.preview(tenant, body, ticket)
            foreseen_policy = StoredPolicy(body.settings, 0, 0)
            effective = self._policies.come_to(foreseen_policy, now_ns)
            return governance_service_pb2.SetPolicyResponse(
                policy=policies.policy_as_it_would_be(effective), revision=foreseen.revision
            )
        done = await self._policies.set(tenant, body, ticket)
        policy = StoredPolicy(body.settings, done.revision, done.update_time_ns)
        return governance_service_pb2.SetPolicyResponse(
            policy=policies.policy_message(policy, self._policies.come_to(policy, now_ns)),
            revision=done.revision,
        )

"""What is allowed, as the client sees it: texts are judged, policies are set."""

from __future__ import annotations

from mlsdm_grpc._gen.mlsdm.v1.governance_pb2 import Policy
from mlsdm_grpc._gen.mlsdm.v1.governance_service_pb2 import (
    AnalyzeSpeechRequest,
    AnalyzeSpeechResponse,
    EvaluateContentRequest,
    EvaluateContentResponse,
    GetPolicyRequest,
    GetPolicyResponse,
    RepairSpeechRequest,
    RepairSpeechResponse,
    SetPolicyRequest,
    SetPolicyResponse,
)
from mlsdm_grpc.client.arguments import instance, message
from mlsdm_grpc.client.client_base import ClientBase
from mlsdm_grpc.client.values import write_request_id

__all__ = ["Governance"]


class Governance(ClientBase):
    """Has texts judged; reads and replaces the governance policy of the tenant."""

    async def evaluate(
        self,
        text: str,
        *,
        stage: str = "prompt",
        redact: bool = False,
        timeout_s: float | None = None,
    ) -> EvaluateContentResponse:
        """Return what the rules of the tenant say to a text, which is stored nowhere.

        Args:
            text: The text, at most 64 KiB unless the server is configured otherwise.
            stage: Whose rules apply: prompt, recall, response, speech or memory.
            redact: Return the text without personal data and secrets, too.
            timeout_s: Deadline, seconds; None is the client's.

        Raises:
            InvalidInput: There is no such stage, or the text is too long.
        """
        request = message(
            EvaluateContentRequest,
            text=text,
            stage=stage,
            redact=redact,
        )
        return await self._connection.unary(
            self._governance.EvaluateContent, request, timeout_s=timeout_s
        )

    async def analyze_speech(
        self,
        text: str,
        *,
        profile: str = "standard",
        language: str = "",
        timeout_s: float | None = None,
    ) -> AnalyzeSpeechResponse:
        """Return whether a text is telegraphic.

        Args:
            text: The text; the empty one has a report too.
            profile: Rules to use: standard or legacy.
            language: ISO 639-1; empty lets the server find out.
            timeout_s: Deadline, seconds; None is the client's.

        Raises:
            InvalidInput: There is no such profile, or the text is too long.
        """
        request = message(
            AnalyzeSpeechRequest,
            text=text,
            profile=profile,
            language=language,
        )
        return await self._connection.unary(
            self._governance.AnalyzeSpeech, request, timeout_s=timeout_s
        )

    async def repair_speech(
        self,
        text: str,
        *,
        prompt: str = "",
        max_attempts: int = 0,
        profile: str = "standard",
        language: str = "",
        timeout_s: float | None = None,
    ) -> RepairSpeechResponse:
        """Return a text as it is or, if it is telegraphic, as a model has rewritten it.

        Args:
            text: The text.
            prompt: What it answers; helps the model to keep the meaning.
            max_attempts: Most tries, 1 to 3; 0 is 3.
            profile: Rules to use: standard or legacy.
            language: ISO 639-1; empty lets the server find out.
            timeout_s: Deadline, seconds; None is the client's.

        Raises:
            InvalidInput: There is no such profile.
            Unavailable: No model answered.
        """
        request = message(
            RepairSpeechRequest,
            text=text,
            prompt=prompt,
            max_attempts=max_attempts,
            profile=profile,
            language=language,
        )
        return await self._connection.unary(
            self._governance.RepairSpeech, request, timeout_s=timeout_s
        )

    async def get_policy(
        self, *, min_revision: int | None = None, timeout_s: float | None = None
    ) -> GetPolicyResponse:
        """Return the policy of the tenant: all rules with their effective settings.

        Args:
            min_revision: Lowest revision of the tenant's reserved space that the answer may be of.
            timeout_s: Deadline, seconds; None is the client's.
        """
        request = message(GetPolicyRequest, min_revision=min_revision)
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
        write_id = write_request_id(request_id)
        request = message(
            SetPolicyRequest,
            policy=instance("policy", policy, Policy),
            etag=policy.etag if etag is None else etag,
            request_id=write_id,
            validate_only=validate_only,
        )
        return await self._connection.unary(
            self._governance.SetPolicy, request, timeout_s=timeout_s, write_id=write_id
        )

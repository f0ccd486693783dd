"""Client methods for governance: evaluation of texts, and policies."""

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
    """Client methods that evaluate texts, and read and replace the tenant's policy."""

    async def evaluate(
        self,
        text: str,
        *,
        stage: str = "prompt",
        redact: bool = False,
        timeout_s: float | None = None,
    ) -> EvaluateContentResponse:
        """Return the verdicts of the tenant's rules on a text; stores nothing.

        Args:
            text: Text, at most 64 KiB by default.
            stage: Stage of the rules: prompt, recall, response, speech or memory.
            redact: Also return the text without personal data and secrets.
            timeout_s: Deadline, seconds; None uses the client's.

        Raises:
            InvalidInput: The stage is unknown, or the text is too long.
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
        """Return a report on whether a text is telegraphic, that is, lacks function words.

        Args:
            text: Text to analyse; may be empty.
            profile: Set of rules: standard or legacy.
            language: ISO 639-1 code; if empty, the server detects the language.
            timeout_s: Deadline, seconds; None for the deadline of the client.

        Raises:
            InvalidInput: The profile is unknown, or the text is too long.
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
        """Rewrite a telegraphic text with a model; return any other text unchanged.

        Args:
            text: Text to rewrite.
            prompt: Prompt to which the text is an answer; it helps the model to keep the meaning.
            max_attempts: Maximum number of attempts, 1 to 3; 0 means 3.
            profile: Set of rules: standard or legacy.
            language: ISO 639-1 code; if empty, the server detects the language.
            timeout_s: Deadline, seconds; None for the deadline of the client.

        Raises:
            InvalidInput: The profile is unknown.
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
            min_revision: Minimum revision of the tenant's reserved space for the response.
            timeout_s: Deadline, seconds; None for the deadline of the client.
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
        """Replace the policy of the tenant; omitted settings return to the built-in values.

        Args:
            policy: The complete new policy, for example ``Policy(base_moral_threshold=0.6)``. If it
                was read from the server, change the threshold of the rule "moral.threshold" too.
            etag: Etag of the replaced policy; None uses the one in ``policy``, as returned by
                :meth:`get_policy`.
            validate_only: Return the effective policy without writing it.
            request_id: UUID of this write; None creates one.
            timeout_s: Deadline, seconds; None for the deadline of the client.

        Raises:
            Conflict: Another policy was set in the meantime; read it again.
            InvalidInput: A rule is unknown, or a setting is unsupported.
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

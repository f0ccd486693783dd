"""Last step of a generation: stores the exchange, or reports why it was not stored."""

from __future__ import annotations

from collections.abc import Sequence

from mlsdm_grpc.core.model.policy import Decision
from mlsdm_grpc.errors import MlsdmError, PreconditionFailed
from mlsdm_grpc.generation.conversation_memory import AnsweredPrompt, Memories
from mlsdm_grpc.generation.generation_run import GenerationRun, Remembered
from mlsdm_grpc.governance.policy.rules import MORAL_THRESHOLD
from mlsdm_grpc.governance.policy.verdict import Verdict
from mlsdm_grpc.llm.providers.provider import Finish
from mlsdm_grpc.messages.blank import is_blank
from mlsdm_grpc.observability.metrics import Metrics

__all__ = ["RememberStep"]


class RememberStep:
    """Step that stores exchanges and processes hostile prompts.

    Args:
        memories: Access to the space.
        metrics: Metrics of generations.
    """

    def __init__(self, memories: Memories, metrics: Metrics) -> None:
        self._memories = memories
        self._metrics = metrics

    async def remember(self, run: GenerationRun) -> Remembered:
        """Store the exchange; a failure is reported in the result, not raised."""
        text = "".join(run.pieces)
        result = run.results[0]
        self._metrics.generations.labels(result.finish).inc()
        wanted = run.request.remember and run.keep and result.finish is not Finish.REFUSED
        if not wanted or is_blank(text):
            return Remembered(revision=run.revision)
        if not result.finish.is_whole:
            return Remembered(revision=run.revision, error=_kept_out(result.finish))
        if run.memory_error is not None:
            return Remembered(error=run.memory_error)
        said = AnsweredPrompt(
            run.prompt,
            text,
            moral_value=run.moral_value,
            model=result.model,
            policy_version=run.policy.version,
            recalled=tuple(match.memory.memory_id for match in run.recalled.matches),
            vector=run.vector,
            conversation_id=run.request.conversation_id,
        )
        try:
            done = await self._memories.remembered(run.key, said, run.ticket)
        except MlsdmError as error:
            return Remembered(revision=run.revision, error=error)
        if done.outcome is None:
            return Remembered(
                revision=run.revision, error=_kept_out("policy"), verdicts=done.verdicts
            )
        ids = tuple(each for each in (done.outcome.memory_id, done.outcome.answer_id) if each)
        reason = None if ids else _kept_out(done.outcome.rejection.name.lower())
        outcome = done.outcome
        return Remembered(ids, outcome.evicted, outcome.revision, reason, done.verdicts)

    async def warn(self, run: GenerationRun, about_prompt: Sequence[Verdict]) -> Remembered:
        """Send a prompt that was refused as hostile through the moral filter of the space."""
        remembered = Remembered(revision=run.revision)
        hostile = any(
            verdict.rule_id == MORAL_THRESHOLD
            and verdict.decision is Decision.REFUSE
            and not verdict.on_error_applied
            for verdict in about_prompt
        )
        if hostile and run.request.remember and run.view is not None:
            try:
                revision = await self._memories.warn(run.key, run.view, run.moral_value, run.ticket)
                remembered = Remembered(revision=revision)
            except MlsdmError as error:
                remembered = Remembered(revision=run.revision, error=error)
        self._metrics.generations.labels("prompt_refused").inc()
        return remembered


def _kept_out(cause: str) -> PreconditionFailed:
    """Return the error for an exchange that was not stored because of ``cause``."""
    return PreconditionFailed(
        "The exchange was not stored.",
        reason="NOT_REMEMBERED",
        metadata={"cause": cause},
    )

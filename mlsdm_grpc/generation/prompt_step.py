"""First step of a generation: reads the state of the space and evaluates the prompt."""

from __future__ import annotations

from mlsdm_grpc.core.mind.space_view import SpaceView
from mlsdm_grpc.core.model.parameters import MoralParameters
from mlsdm_grpc.errors import DeadlineExceeded, Unavailable
from mlsdm_grpc.generation.conversation_memory import Memories
from mlsdm_grpc.generation.generation_run import GenerationRun
from mlsdm_grpc.governance.policy.rules import Stage
from mlsdm_grpc.governance.policy.verdict import Measurement, Verdict, noteworthy, redacted
from mlsdm_grpc.moderation.moderator import Judging
from mlsdm_grpc.protection.concurrency import both

__all__ = ["PromptStep"]


class PromptStep:
    """Step that evaluates the texts sent to the model.

    Args:
        memories: Access to the space.
        judging: Evaluator of texts.
    """

    def __init__(self, memories: Memories, judging: Judging) -> None:
        self._memories = memories
        self._judging = judging

    async def judge(self, run: GenerationRun) -> tuple[Verdict, ...]:
        """Read the space, evaluate the texts sent to the model, and return the verdicts."""
        request = run.request
        _, measured = await both(
            self._see(run),
            self._judging.measure_prompt(
                request.prompt,
                request.system_prompt,
                policy=run.policy,
                tenant=run.key.tenant,
                deadline_s=run.deadline_s,
                embed=request.top_k > 0 or request.remember,
            ),
        )
        about_prompt = measured.prompt
        value = about_prompt.moral_value
        if request.moral_value is not None:
            if request.attested:
                value = request.moral_value
            elif value is not None:
                value = min(value, request.moral_value)
        run.moral_value = 0.0 if value is None else value
        found = self._verdicts(run, about_prompt.with_moral_value(value))
        run.prompt = redacted(request.prompt, about_prompt, found)
        # The vector of the original prompt would still reveal the redacted parts.
        if run.prompt == request.prompt:
            run.vector = measured.vector
        if measured.system_prompt is not None:
            # Instructions are the purpose of a system prompt, so the injection rules do not apply.
            judged = self._verdicts(run, measured.system_prompt)
            judged = tuple(v for v in judged if not v.rule_id.startswith("injection."))
            run.system_prompt = redacted(request.system_prompt, measured.system_prompt, judged)
            found += noteworthy(judged)
        return found

    async def _see(self, run: GenerationRun) -> None:
        """Read the state of the space; record the error if it cannot be read."""
        try:
            run.view = await self._memories.seen(
                run.key,
                min_revision=run.request.min_revision,
                until_s=run.memory_until_s,
                deadline_s=run.deadline_s,
            )
        except (Unavailable, DeadlineExceeded) as error:
            if error.reason == "REVISION_NOT_REACHED":
                raise
            run.memory_error = error

    def _verdicts(self, run: GenerationRun, measurement: Measurement) -> tuple[Verdict, ...]:
        """Return the verdicts; for an unreadable space with the highest moral threshold."""
        threshold = MoralParameters().ceiling if run.memory_error is not None else None
        return self._judging.verdicts(
            measurement,
            run.policy,
            Stage.PROMPT,
            moral_threshold=threshold if run.view is None else _threshold(run.view),
        )


def _threshold(view: SpaceView) -> float:
    """Return the moral value below which the space currently refuses prompts."""
    moral = view.parameters.moral
    return min(max(view.moral_threshold, moral.never_pass), moral.always_pass)

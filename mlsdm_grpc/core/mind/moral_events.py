"""Application of events: moral filter, rhythm, traces and storage."""

from __future__ import annotations

from collections.abc import Generator

from mlsdm_grpc.core.mind.put_candidates import prepare
from mlsdm_grpc.core.mind.puts import store
from mlsdm_grpc.core.mind.space_state import Contents
from mlsdm_grpc.core.model.bodies import ProcessEvent, PutMemories
from mlsdm_grpc.core.model.outcome import EventOutcome, PutResult, Rejection
from mlsdm_grpc.core.model.semantics import Moment

__all__ = ["process"]


def process(
    contents: Contents, body: ProcessEvent, now: Moment
) -> Generator[None, None, EventOutcome]:
    """Apply one event in steps.

    Raises:
        Refused: A memory of the event cannot be stored; nothing has changed.
    """
    candidates = yield from prepare(contents, PutMemories(body.memories), now)
    moral, rhythm = contents.moral, contents.rhythm
    threshold = moral.threshold
    # The filter and the rhythm advance for rejected events too, so that attacks cannot stall them.
    contents.step += 1
    passed = moral.accepts(body.moral_value)
    moral.adapt(body.moral_value, accepted=passed)
    asleep = contents.parameters.rhythm.sleep_gate and not rhythm.awake
    rejection = Rejection.MORAL if not passed else Rejection.SLEEP if asleep else Rejection.NONE
    ids, result, left = [""], PutResult.REFUSED, list[str]()
    if rejection is Rejection.NONE:
        contents.accepted += 1
        contents.synapses.update(body.memory.vector)
        yield from contents.pelm.expire(now.time_ns)
        if not candidates.kept_out:
            stored = [store(contents, candidate, now) for candidate in candidates]
            ids = [item.memory_id for item, _ in stored]
            result = stored[0][0].result
            left = [gone for _, evicted in stored for gone in evicted]
    was_awake = rhythm.awake
    rhythm.step()
    return EventOutcome(
        rejection=rejection,
        step=contents.step,
        phase=rhythm.phase,
        moral_threshold=moral.threshold,
        moral_ema=moral.ema,
        threshold_applied=threshold,
        used=len(contents.pelm),
        capacity=contents.pelm.capacity,
        awake=rhythm.awake,
        fell_asleep=was_awake and not rhythm.awake,
        memory_id=ids[0],
        result=result,
        evicted=tuple(left),
        revision=now.revision,
        answer_id=ids[1] if len(ids) > 1 else "",
    )

"""Admission control: refusal of calls by the mode of the node, before the request is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlsdm_grpc.errors import InvalidInput, MlsdmError, Unavailable
from mlsdm_grpc.protection.mode_machine import Mode, explain
from mlsdm_grpc.security.principal import Criticality
from mlsdm_grpc.wire.call import Interceptor
from mlsdm_grpc.wire.metadata import CRITICALITY
from mlsdm_grpc.wire.method_classes import WORK, MethodClass

if TYPE_CHECKING:
    from mlsdm_grpc.observability.metrics import Metrics
    from mlsdm_grpc.protection.mode_machine import ModeMachine, explain
    from mlsdm_grpc.wire.call import Call

__all__ = ["AdmissionInterceptor"]

_CRITICALITIES: Final = {each.name.lower(): each for each in Criticality}
_FAULTS_OF_THE_NODE: Final = {"JOURNAL_UNAVAILABLE", "JOURNAL_FULL", "WORKER_LOST"}


class AdmissionInterceptor(Interceptor):
    """Interceptor that sets ``Call.criticality`` and refuses calls by the mode of the node.

    SHEDDING refuses sheddable calls, and bulk work that is not critical. EMERGENCY also refuses
    writes, all bulk work and generation. PROBING refuses the calls that EMERGENCY refuses, except a
    few unary writes.
    """

    def __init__(self, machine: ModeMachine, metrics: Metrics) -> None:
        self._machine = machine
        self._refusals = metrics.admission_refusals

    def before(self, call: Call) -> None:
        if call.method.open:
            return
        claimed = call.metadata.get(CRITICALITY)
        wanted = Criticality.DEFAULT if claimed is None else _criticality(call, claimed)
        call.criticality = min(wanted, call.principal.max_criticality)
        # The mode may change during a stream.
        if call.method.shape.client_streaming:
            call.recheck = self.check
        if self._machine.mode is not Mode.NORMAL:
            self.check(call)

    def check(self, call: Call) -> None:
        """Check that the mode admits a call, or the next message of a stream.

        Raises:
            Unavailable: SHEDDING or EMERGENCY.
        """
        mode = self._machine.mode
        work = WORK.get(call.method.path)
        if mode is Mode.NORMAL or work is None or work is MethodClass.ADMIN:
            return
        if mode is not Mode.SHEDDING and work is not MethodClass.READ:
            if (
                work is MethodClass.WRITE
                and call.criticality
                and not call.method.shape.client_streaming
            ):
                # A few writes show whether the node has recovered.
                call.probe = self._machine.take_probe()
            if not call.probe:
                raise self._refusal(
                    "EMERGENCY",
                    "The node is in EMERGENCY and refuses writes, bulk work and generation.",
                )
        elif call.criticality is Criticality.SHEDDABLE or (
            work is MethodClass.BULK and call.criticality is not Criticality.CRITICAL
        ):
            raise self._refusal(
                "SHEDDING",
                "The node is SHEDDING load and refuses sheddable calls and bulk work; retry later.",
            )

    def after(self, call: Call) -> None:
        if call.probe:
            self._machine.probed(call.probe, good=_good(call.error))

    def _refusal(self, reason: str, message: str) -> Unavailable:
        self._refusals.labels(reason.lower()).inc()
        explanation = explain(self._machine)
        return Unavailable(
            f"{message} Cause: {explanation}." if explanation else message,
            reason=reason,
            metadata={"cause": ",".join(self._machine.causes)},
            retry_after_s=self._machine.retry_after_s,
        )


def _criticality(call: Call, value: str | bytes) -> Criticality:
    found = _CRITICALITIES.get(value) if isinstance(value, str) else None
    if found is None or CRITICALITY in call.repeated:
        raise InvalidInput(
            "The criticality must be one of critical, default, sheddable.",
            reason="METADATA_INVALID",
            metadata={"key": CRITICALITY},
        )
    return found


def _good(error: BaseException | None) -> bool | None:
    """Return True after a success, False after a fault of the node, None after any other error."""
    if error is None:
        return True
    failed = isinstance(error, MlsdmError) and error.reason in _FAULTS_OF_THE_NODE
    return False if failed else None

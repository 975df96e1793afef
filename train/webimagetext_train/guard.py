"""Stops a run whose loss is no longer a number or leaps, before the step does harm, and names the batch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

DECAY = 0.99
PATIENCE = 100
"""Losses seen before a leap is believed: the first ones fall from the logarithm of the batch size."""
LEAST_RISE = 1.2
"""A leap is at least a fifth above the mean, however quiet the loss has been."""


@dataclass
class Guard:
    """Running mean and variance of the loss; saved with each checkpoint, so that a resumed run judges alike."""

    threshold: float
    """Deviations above the mean; 0 believes in no leap."""
    mean: float = 0.0
    variance: float = 0.0
    seen: int = 0

    def judge(self, loss: float) -> str | None:
        """What is wrong with this loss, if anything; only a good one counts towards the mean."""
        if not math.isfinite(loss):
            return f"loss became {loss}"
        limit = max(self.mean + self.threshold * math.sqrt(self.variance), self.mean * LEAST_RISE)
        if self.threshold > 0 and self.seen >= PATIENCE and loss > limit:
            return f"loss leapt to {loss:.3f} from {self.mean:.3f} (limit {limit:.3f})"
        # Plain averages at first, so that the zeros it began with have no weight.
        share = max(1 - DECAY, 1 / (self.seen + 1))
        off = loss - self.mean
        self.mean += share * off
        self.variance = (1 - share) * (self.variance + share * off * off)
        self.seen += 1
        return None

    def state(self) -> dict[str, float]:
        """Plain numbers for a checkpoint."""
        return {name: value for name, value in asdict(self).items() if name != "threshold"}

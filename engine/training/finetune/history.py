"""What happened in a training, and which network is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .scores import Validation

CHANCE = 0.02
"""Differences of mean IoU on validation below this are taken for chance."""


@dataclass
class History:
    """What happened: an entry for each validation, and which was the best.

    Attributes:
        entries: steps, minutes, losses and scores; ``all_labels_teach`` in place of scores where they do.
        start: mean IoU of the network as it came.
        best: highest mean IoU.
        improved_step: at which step that was reached.
        best_step: step of the network that is kept, see `takes_over`; 0: before any.
        joined: at which part of the training what validated began to teach; None: never.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    start: float = 0.0
    best: float = -1.0
    improved_step: int = 0
    best_step: int = 0
    joined: float | None = None

    @property
    def is_start(self) -> bool:
        """Whether nothing was better than the network as it came."""
        return self.best_step == 0

    def takes_over(self, score: float) -> bool:
        """Return whether a network with this score takes the place of the one that is kept.

        It must be better than the start. Among the others a later one is preferred while it is as good as the best but
        for chance: a few polygons validate, close to those that teach, and where neither lies a network that has
        learnt longer and at smaller rates is the better one.
        """
        return score > self.start and score >= self.best - CHANCE

    def judges(self, step: int, found: Validation) -> bool:
        """Note a validation, and return whether the network takes the place of the one that is kept."""
        score = found.best.mean_iou
        if step == 0:
            self.start = self.best = found.plain.mean_iou
        if score > self.best:
            self.best, self.improved_step = score, step
        if self.takes_over(score):
            self.best_step = step
            return True
        return False

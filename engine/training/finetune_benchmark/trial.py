"""What is tried: which model learns in which ways, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...jobs.finetune import FinetuneJob


@dataclass(frozen=True)
class Trial:
    """Settings of all trainings of a benchmark.

    Attributes:
        model: name or folder of the model to start from.
        modes: what learns, each a training of its own.
        minutes: of each training at most.
        steps: so many steps in place of minutes.
        device: where everything runs.
        surface: whether new classes are taught with the surface, too: ``always``, ``never``, or ``auto``: if it helps.
    """

    model: str
    modes: Sequence[str] = ("head",)
    minutes: float = 4.0
    steps: int | None = None
    device: str = "cpu"
    surface: str = "auto"

    def applied(self, job: FinetuneJob, mode: str) -> FinetuneJob:
        """Return a job with these settings."""
        return replace(
            job,
            model=self.model,
            mode=mode,
            minutes=self.minutes,
            steps=self.steps,
            device=self.device,
            keep_surface=self.surface == "always",
            overwrite=True,
        )

"""How two graphs of a package differ: in their answers, in buildings found, and in speed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ...runtime.enlarge import enlarged
from ...runtime.maps import probability
from ..package import ModelPackage, OutputSpec, WeightsSpec

Inputs = Mapping[str, NDArray[np.float32]]


def agreement(
    package: ModelPackage, first: WeightsSpec, second: WeightsSpec, samples: Sequence[Inputs]
) -> dict[str, dict[str, float]]:
    """Return by output how well two graphs of a package agree.

    Args:
        package: of both.
        first: a graph, usually fp32.
        second: another for the same inputs, usually int8.
        samples: inputs neither was made with; more than the graphs take is ignored.

    Returns:
        ``same`` (share of pixels of the same class, or on the same side of the threshold; absent for metres) and
        ``gap`` (mean absolute difference of probabilities or metres), by output name.
    """
    sessions = [_session(package, item) for item in (first, second)]
    sums: dict[str, dict[str, list[float]]] = {}
    for sample in samples:
        a, b = (_outputs(session, sample) for session in sessions)
        for output in package.spec.outputs:
            mine, theirs = _finished(a, output), _finished(b, output)
            scores = {"gap": float(np.abs(mine - theirs).mean())}
            if output.kind == "classes":
                scores["same"] = float((mine.argmax(axis=1) == theirs.argmax(axis=1)).mean())
            elif output.kind == "probability":
                scores["same"] = float(((mine >= output.threshold) == (theirs >= output.threshold)).mean())
            for name, value in scores.items():
                sums.setdefault(output.name, {}).setdefault(name, []).append(value)
    return {name: {key: float(np.mean(values)) for key, values in item.items()} for name, item in sums.items()}


def building_iou(
    package: ModelPackage, weights: WeightsSpec, samples: Sequence[tuple[Inputs, NDArray[np.bool_]]]
) -> float | None:
    """Return the IoU of buildings over all samples, or None if the model has no probability of buildings.

    Args:
        package: the model.
        weights: one of its graphs.
        samples: inputs of one tile, and bool [H, W], where buildings are.
    """
    output = next((o for o in package.spec.outputs if o.role == "building" and o.kind == "probability"), None)
    if output is None:
        return None
    session = _session(package, weights)
    both = either = 0
    for inputs, truth in samples:
        found = _finished(_outputs(session, inputs), output)[0, 0] >= output.threshold
        both += int((found & truth).sum())
        either += int((found | truth).sum())
    return both / max(either, 1)


def megapixels_per_second(package: ModelPackage, weights: WeightsSpec, sample: Inputs, runs: int = 9) -> float:
    """Return how fast a graph computes one tile on this CPU with all its cores: the median of ``runs``."""
    session = _session(package, weights)
    _outputs(session, sample)
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        _outputs(session, sample)
        seconds.append(time.perf_counter() - began)
    pixels = package.spec.tile.size**2
    return pixels / float(np.median(seconds)) / 1e6


def _finished(found: Mapping[str, NDArray[np.float32]], output: OutputSpec) -> NDArray[np.float32]:
    """Return an output's probabilities, or metres, [B, C, H, W] at the tile's size."""
    return probability(enlarged(found[output.name], output.stride), output.activation)


def _session(package: ModelPackage, weights: WeightsSpec) -> Any:
    return onnxruntime.InferenceSession(package.path_of(weights.file), providers=["CPUExecutionProvider"])


def _outputs(session: Any, sample: Inputs) -> dict[str, NDArray[np.float32]]:
    names = [item.name for item in session.get_outputs()]
    taken = {item.name: sample[item.name] for item in session.get_inputs()}
    return dict(zip(names, session.run(names, taken)))

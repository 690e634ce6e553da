"""Inputs of a model package made from synthetic scenes: to calibrate int8 graphs, and to compare graphs with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..given import given
from ..models.package import ModelSpec
from ..scenes.chip import SceneConfig, make_chip
from ..terrain.height_channels import context_px, height_channels


@dataclass(frozen=True)
class SceneSample:
    """One scene as a model sees it.

    Attributes:
        inputs: normalised, float32 [1, C, tile, tile], by name.
        building: bool [tile, tile], where buildings truly are.
    """

    inputs: dict[str, NDArray[np.float32]]
    building: NDArray[np.bool_]


def scene_samples(spec: ModelSpec, count: int, seed: int) -> list[SceneSample]:
    """Return ``count`` scenes.

    Args:
        spec: of the model; its GSD, tile and normalisation are used.
        count: number of scenes.
        seed: of the scenes.
    """
    gsd, size = spec.gsd.trained, spec.tile.size
    margin = context_px(gsd) if any(item.height_channels is not None for item in spec.inputs) else 0
    config = SceneConfig(size=size, margin=margin, gsd=(gsd, gsd))
    samples = []
    for index in range(count):
        scene = make_chip(seed, index, config)
        inner = np.s_[..., margin : margin + size, margin : margin + size]
        inputs: dict[str, NDArray[np.float32]] = {}
        for item in spec.inputs:
            if item.height_channels is not None:
                values = height_channels(scene.surface, np.isfinite(scene.surface), gsd, 0, 0)[inner]
            else:
                norm = given(item.mean_std)  # the one or the other, by the description's own check
                raw = scene.rgb if item.kind == "rgb" else np.nan_to_num(scene.surface[inner])[None]
                mean, std = (np.asarray(v, np.float32)[:, None, None] for v in (norm.mean, norm.std))
                values = (raw.astype(np.float32) - mean) / std
            inputs[item.name] = np.ascontiguousarray(values[None], dtype=np.float32)
        samples.append(SceneSample(inputs, scene.building_id > 0))
    return samples

"""Ways of looking at a tile: turned, nearer or farther, in other light and other colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from ...models.package import InputSpec
from ...terrain.height_channels import CHANNELS
from ...terrain.symmetry import SYMMETRIES, turned, turned_channels

_FULL_HEIGHTS = tuple(CHANNELS)
_ZOOM = 0.25
"""Logarithm of the largest enlargement: a house of 10 m is seen as one of 8 to 13 m."""


@dataclass(frozen=True)
class View:
    """One way of looking.

    Attributes:
        symmetry: of the square, 0 to 7.
        zoom: enlargement about the tile's centre; 1: none.
        light: seed of light and colours; None: as they are.
    """

    symmetry: int = 0
    zoom: float = 1.0
    light: tuple[int, ...] | None = None


PLAIN = View()


def view_of(seed: int, tile: int, number: int, can_zoom: bool) -> View:
    """Return view ``number`` of a tile: the same for the same arguments; number 0 shows it as it is.

    Args:
        seed: of all views.
        tile: which tile.
        number: which view of it.
        can_zoom: whether sizes may change. Heights would have to change with them, so a surface forbids it.
    """
    if number == 0:
        return PLAIN
    rng = np.random.default_rng((seed, tile, number))
    symmetry, zoom = int(rng.integers(SYMMETRIES)), float(np.exp(rng.uniform(-_ZOOM, _ZOOM)))
    return View(symmetry, zoom if can_zoom else 1.0, (seed, tile, number, 1))


def seen_input(
    spec: InputSpec, values: NDArray[np.float32], view: View, things: NDArray[np.int32] | None = None
) -> NDArray[np.float32]:
    """Return a normalised input [C, H, W] as a view shows it; beyond its rim it is mirrored.

    Args:
        spec: what the input is.
        values: the input.
        view: how to look at it.
        things: int32 [H, W], the polygon at each pixel (-1: none), where colours say nothing about the classes: then
            some things are painted anew, and all colours may be exchanged. None: only the light changes.
    """
    if view.light is not None and spec.kind == "rgb":
        rng = np.random.default_rng(view.light)
        if things is not None:
            values = _exchanged(_painted(values, things, rng), rng)
        values = _relit(values, rng)
    if view.zoom != 1.0:
        values = np.stack([_zoomed(layer, view.zoom, 1, "mirror") for layer in values])
    return turned_input(spec, values, view.symmetry)


def seen_map(values: NDArray[Any], view: View) -> NDArray[Any]:
    """Return a map of labels or weights [H, W] as a view shows it: 0 where it shows what lies beyond the rim."""
    if view.zoom != 1.0:
        values = _zoomed(values, view.zoom, 0, "constant")
    result: NDArray[Any] = turned(values[None], view.symmetry)[0]
    return result


def turned_input(spec: InputSpec, values: NDArray[np.float32], symmetry: int) -> NDArray[np.float32]:
    """Return a normalised input [C, H, W] under a symmetry of the square; slopes turn with it."""
    names = spec.height_channels.channels if spec.height_channels is not None else ()
    if "slope_x" not in names and "slope_y" not in names:
        return np.asarray(turned(values, symmetry), np.float32)
    if tuple(names) != _FULL_HEIGHTS:
        # place the channels where turned_channels expects them, and take them back out
        full = np.zeros((len(CHANNELS), *values.shape[1:]), np.float32)
        places = [CHANNELS.index(name) for name in names]
        full[places] = values
        return turned_channels(full, symmetry)[places]
    return turned_channels(values, symmetry)


def _painted(values: NDArray[np.float32], things: NDArray[np.int32], rng: Generator) -> NDArray[np.float32]:
    """Return a normalised picture with a third of the things in colours of their own; their texture stays.

    The roofs of the next street may have colours that no labelled roof has.
    """
    part = things + 1
    count = int(part.max()) + 1
    chosen = rng.random(count) < 0.33
    chosen[0] = False  # what is no thing
    colours = rng.normal(0, 1.0, count) + rng.normal(0, 0.5, (len(values), count))
    pixels = np.maximum(np.bincount(part.ravel(), minlength=count), 1)
    means = np.stack([np.bincount(part.ravel(), layer.ravel(), minlength=count) / pixels for layer in values])
    shift = np.where(chosen, colours - means, 0.0).astype(np.float32)
    painted: NDArray[np.float32] = values + shift[:, part]
    return painted


def _exchanged(values: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Return a normalised picture at times with its bands exchanged, at times without colour."""
    chance = rng.random()
    if chance < 0.25:
        return values[rng.permutation(len(values))]
    if chance < 0.4:
        return np.broadcast_to(values.mean(axis=0, keepdims=True), values.shape)
    return values


def _relit(values: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Return a normalised picture [C, H, W] in other light: contrast, brightness, a cast, at times a little blur."""
    bands = len(values)
    mix = (np.eye(bands) + rng.normal(0, 0.06, (bands, bands))) * np.exp(rng.normal(0, 0.12))
    lit = np.tensordot(mix, values, axes=1) + rng.normal(0, 0.12) + rng.normal(0, 0.06, (bands, 1, 1))
    if rng.random() < 0.25:
        lit = ndimage.gaussian_filter(lit, (0, *[rng.uniform(0.4, 1.2)] * 2))
    return lit.astype(np.float32)


def _zoomed(layer: NDArray[Any], zoom: float, order: int, beyond: str) -> NDArray[Any]:
    middle = (np.array(layer.shape) - 1) / 2
    scale = np.full(2, 1 / zoom)
    result: NDArray[Any] = ndimage.affine_transform(layer, scale, middle * (1 - 1 / zoom), order=order, mode=beyond)
    return result


def can_zoom(inputs: Sequence[InputSpec], shown: Sequence[str]) -> bool:
    """Return whether the inputs of these names hold pictures alone."""
    return all(item.kind == "rgb" for item in inputs if item.name in shown)

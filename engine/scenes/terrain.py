"""The ground as a closed form: slopes, hills, terraces, banks and retaining walls, the same in every window."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from .chance import choose
from .noise import FloatArray


@dataclass(frozen=True)
class Wave:
    """One hill wave: amplitude in metres, wave vector in radians per metre, phase in radians."""

    amplitude: float
    kx: float
    ky: float
    phase: float


@dataclass(frozen=True)
class Step:
    """A bank or retaining wall along a straight line.

    Attributes:
        nx: x of the line's unit normal (towards the higher side).
        ny: y of the unit normal.
        offset: distance of the line from the origin along the normal, metres.
        rise: height difference, metres.
        width: width over which it rises, metres; 0.2 is a wall, 6 a bank.
    """

    nx: float
    ny: float
    offset: float
    rise: float
    width: float


@dataclass(frozen=True)
class Terrain:
    """Ground heights in metres above the scene's zero.

    Attributes:
        slope_x: metres per metre towards x.
        slope_y: metres per metre towards y.
        waves: hills.
        steps: banks and walls.
        terrace: height of terraces cut into the slope, metres; 0 for none.
    """

    slope_x: float = 0.0
    slope_y: float = 0.0
    waves: tuple[Wave, ...] = ()
    steps: tuple[Step, ...] = ()
    terrace: float = 0.0

    def height(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the ground's height at world points of any shape that broadcasts."""
        z = x * np.float32(self.slope_x) + y * np.float32(self.slope_y)
        for wave in self.waves:
            z = z + np.float32(wave.amplitude) * np.sin(
                x * np.float32(wave.kx) + (y * np.float32(wave.ky) + np.float32(wave.phase))
            )
        if self.terrace > 0:
            level = z / np.float32(self.terrace)
            whole = np.floor(level)
            z = (whole + np.clip((level - whole - np.float32(0.85)) / np.float32(0.15), 0, 1)) * np.float32(
                self.terrace
            )
        for step in self.steps:
            d = x * np.float32(step.nx) + (y * np.float32(step.ny) - np.float32(step.offset))
            z = z + np.float32(step.rise) * np.clip(d / np.float32(step.width) + np.float32(0.5), 0, 1)
        return z.astype(np.float32)

    def at(self, x: float, y: float) -> float:
        """Return the height at one point, in plain floats: a scene asks for thousands."""
        z = x * self.slope_x + y * self.slope_y
        for wave in self.waves:
            z += wave.amplitude * math.sin(x * wave.kx + y * wave.ky + wave.phase)
        if self.terrace > 0:
            level = z / self.terrace
            whole = math.floor(level)
            z = (whole + min(max((level - whole - 0.85) / 0.15, 0.0), 1.0)) * self.terrace
        for step in self.steps:
            d = x * step.nx + y * step.ny - step.offset
            z += step.rise * min(max(d / step.width + 0.5, 0.0), 1.0)
        return z


def draw_terrain(
    rng: Generator, bounds: tuple[float, float, float, float], max_slope: float, terraced: float
) -> Terrain:
    """Return a random terrain.

    Args:
        rng: source of chance.
        bounds: world bounds that banks should cross, metres.
        max_slope: steepest mean slope, metres per metre.
        terraced: probability of terraces on a slope.
    """
    kind = rng.random()
    slope = 0.0 if kind < 0.25 else max_slope * rng.random() ** 2
    aspect = rng.uniform(0, 2 * math.pi)
    waves = []
    for _ in range(int(rng.integers(1, 4))):
        length = float(np.exp(rng.uniform(math.log(30), math.log(260))))
        direction = rng.uniform(0, 2 * math.pi)
        k = 2 * math.pi / length
        steepness = rng.uniform(0.0, 0.35) * min(max_slope, 0.3) * 0.7
        waves.append(Wave(steepness / k, k * math.cos(direction), k * math.sin(direction), rng.uniform(0, 2 * math.pi)))
    steps = []
    for _ in range(choose(rng, (0, 1, 2), (0.6, 0.28, 0.12))):
        direction = rng.uniform(0, 2 * math.pi)
        x, y = rng.uniform(bounds[0], bounds[2]), rng.uniform(bounds[1], bounds[3])
        nx, ny = math.cos(direction), math.sin(direction)
        width = choose(rng, (0.3, 2.0, 6.0))
        steps.append(Step(nx, ny, x * nx + y * ny, rng.uniform(0.5, 3.5), width))
    # Terraces are 6 to 25 m deep, however steep the slope.
    terrace = slope * float(rng.uniform(6, 25)) if slope > 0.05 and rng.random() < terraced else 0.0
    return Terrain(slope * math.cos(aspect), slope * math.sin(aspect), tuple(waves), tuple(steps), terrace)

"""Heights as sensors see them: laser scanning and dense image matching."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter

from ..classes import LAND_COVER
from .canvas import BoolArray, Canvas
from .chance import choose
from .native import NativeLattice
from .noise import FloatArray, noise

FOOT_M = 0.3048
CLUTTER = next(info.id for info in LAND_COVER if info.name == "clutter")


@dataclass(frozen=True)
class SensorConfig:
    """Which sensor sees the heights, and how badly.

    Attributes:
        kind: ``exact``, ``lidar`` or ``photogrammetry``.
        density: laser points per square metre.
        noise_m: standard deviation of the heights, metres.
        occlusion: tangent of the scan angle: walls hide a strip of ground as wide as height times this.
        occlusion_angle: direction that the scanner looks to, radians.
        wall_returns: how often the rim of a roof holds no point of the roof but one of the wall below it, 0..1.
        penetration: share of laser hits that fall into crowns.
        filling: ``nearest`` or ``smooth`` filling of empty cells.
        blur_m: blur of edges by image matching, metres.
        bump_m: height of matching bumps, metres.
        lost_trees: share of crowns that image matching loses.
        hole_share: share of the area without data.
        water_holes: share of open water from which no laser light comes back.
        native: side of a pixel of the delivered raster in pixels of the grid; it is interpolated bilinearly.
    """

    kind: str = "lidar"
    density: float = 12.0
    noise_m: float = 0.03
    occlusion: float = 0.2
    occlusion_angle: float = 0.0
    wall_returns: float = 0.25
    penetration: float = 0.3
    filling: str = "nearest"
    blur_m: float = 0.6
    bump_m: float = 0.15
    lost_trees: float = 0.3
    hole_share: float = 0.0
    water_holes: float = 0.5
    native: float = 1.0


def draw_sensor(rng: Generator) -> SensorConfig:
    """Return a random sensor: mostly laser, some image matching, now and then a perfect one."""
    kind = choose(rng, ("lidar", "photogrammetry", "exact"), (0.66, 0.27, 0.07))
    return SensorConfig(
        kind=kind,
        density=float(np.exp(rng.uniform(np.log(2.5), np.log(32)))),
        noise_m=float(np.exp(rng.uniform(np.log(0.006), np.log(0.05)))),
        # Surveys overlap their strips: what a wall hides from one side, the next strip sees from the other.
        occlusion=choose(rng, (0.0, float(rng.uniform(0, 0.4))), (0.6, 0.4)),
        occlusion_angle=float(rng.uniform(0, 2 * np.pi)),
        wall_returns=choose(rng, (0.0, float(rng.uniform(0.1, 0.8))), (0.3, 0.7)),
        penetration=float(rng.uniform(0.05, 0.7)),
        filling=choose(rng, ("nearest", "smooth"), (0.7, 0.3)),
        blur_m=float(rng.uniform(0.15, 0.8)),
        bump_m=float(0.5 * rng.random() ** 2 + 0.02),
        lost_trees=float(rng.uniform(0, 0.6)),
        water_holes=float(choose(rng, (0.0, 1.0, rng.random()), (0.3, 0.3, 0.4))),
        hole_share=choose(rng, (0.0, rng.uniform(0.01, 0.15)), (0.85, 0.15)),
        native=choose(rng, (1.0, float(np.exp(rng.uniform(np.log(0.75), np.log(2.5))))), (0.35, 0.65)),
    )


def shifted(values: FloatArray, rows: int, cols: int) -> FloatArray:
    """Return ``values`` [H, W] moved down by ``rows`` and right by ``cols``; the border repeats."""
    height, width = values.shape
    pad_r, pad_c = min(abs(rows), height - 1), min(abs(cols), width - 1)
    rows, cols = max(-pad_r, min(rows, pad_r)), max(-pad_c, min(cols, pad_c))
    result = np.empty_like(values)
    dst_r = slice(max(rows, 0), height + min(rows, 0))
    src_r = slice(max(-rows, 0), height + min(-rows, 0))
    dst_c = slice(max(cols, 0), width + min(cols, 0))
    src_c = slice(max(-cols, 0), width + min(-cols, 0))
    result[dst_r, dst_c] = values[src_r, src_c]
    if rows > 0:
        result[:rows] = result[rows]
    elif rows < 0:
        result[rows:] = result[rows - 1]
    if cols > 0:
        result[:, :cols] = result[:, cols : cols + 1]
    elif cols < 0:
        result[:, cols:] = result[:, cols - 1 : cols]
    return result


def sense(canvas: Canvas, surface: FloatArray, config: SensorConfig, rng: Generator) -> FloatArray:
    """Return the heights [H, W] that the sensor reports; NaN where it has none.

    Args:
        canvas: the scene (its canopy and ground are used).
        surface: true heights [H, W], wires included.
        config: the sensor.
        rng: source of chance; the same state gives the same heights.

    Raises:
        ValueError: if the configuration names a sensor that is not known.
    """
    if config.native != 1:
        lattice = NativeLattice(canvas, config.native)
        own = replace(config, native=1.0)
        return lattice.back(sense(lattice.canvas(canvas), lattice.onto(surface), own, rng))
    if config.kind == "exact":
        seen = surface.copy()
    elif config.kind == "lidar":
        seen = _lidar(canvas, surface, config, rng)
    elif config.kind == "photogrammetry":
        seen = _photogrammetry(canvas, surface, config, rng)
    else:
        raise ValueError(f"{config.kind!r} is no sensor; known are exact, lidar, photogrammetry")
    if config.hole_share > 0:
        seen = np.where(_holes(canvas, config.hole_share, int(rng.integers(1 << 16))), np.float32(np.nan), seen)
    return seen


def _lidar(canvas: Canvas, surface: FloatArray, config: SensorConfig, rng: Generator) -> FloatArray:
    height, width = surface.shape
    key = int(rng.integers(1 << 16))
    window = (canvas.row0, canvas.col0, height, width)
    points = config.density * canvas.gsd**2
    # A point lies anywhere in its cell: along steep edges the cell shows one side or the other.
    jitter = noise(0.0, *window, key)
    side = np.where(jitter > 0.9, shifted(surface, 1, 0), surface)
    side = np.where(jitter < -0.9, shifted(surface, 0, 1), side)
    wobble = noise(0.0, *window, key + 5)
    seen = np.where(wobble > 1.1, shifted(side, -1, 0), np.where(wobble < -1.1, shifted(side, 0, -1), side))
    if config.wall_returns > 0:
        seen = _with_walls(canvas, surface, seen, config.wall_returns, key + 7)
    leaves = canvas.canopy
    if config.penetration > 0:
        deep = leaves & (noise(0.0, *window, key + 1) > np.float32(1.8 - 2.0 * config.penetration))
        drop = np.minimum(np.abs(noise(0.4, *window, key + 2)) * np.float32(0.45), np.float32(1.0))
        seen = np.where(deep, seen - (seen - canvas.ground) * drop, seen)
    seen = seen + np.float32(config.noise_m) * noise(0.0, *window, key + 3)
    # Scan lines and overlapping strips make the density uneven.
    uneven = noise(20.0 / canvas.gsd, *window, key + 4) * np.float32(0.35)
    empty_share = np.exp(-points * np.exp(uneven))
    empty = rng.random((height, width), dtype=np.float32) < empty_share
    if config.occlusion > 0.03:
        empty |= _hidden(surface, canvas.gsd, config.occlusion, config.occlusion_angle)
    filled = _fill_gaps(seen.astype(np.float32), empty, config.filling, rng)
    if config.water_holes > 0 and canvas.water.any():
        dry = noise(2.0 / canvas.gsd, *window, key + 6) > np.float32(4.0 * config.water_holes - 2.0)
        filled[canvas.water & (canvas.cover == CLUTTER) & ~dry] = np.nan
    return filled


def _with_walls(canvas: Canvas, surface: FloatArray, seen: FloatArray, often: float, key: int) -> FloatArray:
    """Return ``seen`` [H, W] with points of walls at the rims of roofs: some stretches have many, others none."""
    height, width = surface.shape
    window = (canvas.row0, canvas.col0, height, width)
    foot = surface
    for rows, cols in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        foot = np.minimum(foot, shifted(surface, rows, cols))
    drop = surface - foot
    patchy = np.float32(2.0 - 3.0 * often) + np.float32(0.6) * noise(4.0 / canvas.gsd, *window, key)
    wall = (drop > np.float32(1.5)) & (canvas.building > 0) & ~canvas.canopy & (noise(0.0, *window, key + 1) > patchy)
    share = np.clip(np.float32(0.55) + np.float32(0.25) * noise(0.0, *window, key + 2), 0.1, 1.0)
    return np.where(wall, foot + drop * share, seen)


def upwind_maximum(surface: FloatArray, gsd: float, angle: float, tangent: float, reach_m: float) -> FloatArray:
    """Return, at each pixel [H, W], the highest line of sight (m) from direction ``angle`` that falls by ``tangent``.

    What lies below it is in shadow. Doubling the window of the maximum makes it cost log2(reach) passes.
    """
    dx, dy = np.cos(angle), np.sin(angle)
    step = 1.0
    best = surface.copy()
    # At the start each pixel knows itself only; after k rounds all within 2**k - 1 pixels towards the light.
    while step * gsd < reach_m:
        moved = shifted(best, -round(float(dy * step)), -round(float(dx * step)))
        np.maximum(best, moved - np.float32(step * gsd * tangent), out=best)
        step *= 2
    return best


def _hidden(surface: FloatArray, gsd: float, tangent: float, angle: float) -> BoolArray:
    """Return where walls hide the ground from the scanner [H, W]."""
    horizon = upwind_maximum(surface, gsd, angle, 1.0 / tangent, 8.0)
    return horizon > surface + np.float32(0.5)


def _fill_gaps(values: FloatArray, empty: BoolArray, filling: str, rng: Generator) -> FloatArray:
    """Fill empty cells from their neighbours, ring by ring; what lies deeper than about 12 cells stays NaN."""
    result = np.where(empty, np.float32(np.nan), values)
    moves = ((0, 1), (1, 0), (0, -1), (-1, 0))
    order = rng.permutation(4)
    for ring in range(12):
        gaps = np.isnan(result)
        if not gaps.any():
            break
        if filling == "smooth":
            total, count = np.zeros_like(result), np.zeros_like(result)
            for rows, cols in moves:
                neighbour = shifted(result, rows, cols)
                known = ~np.isnan(neighbour)
                total += np.where(known, neighbour, 0)
                count += known
            fresh = np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
            result = np.where(gaps, fresh, result)
        else:
            for k in range(4):
                rows, cols = moves[(order[k] + ring) % 4]
                result = np.where(np.isnan(result), shifted(result, rows, cols), result)
    return result.astype(np.float32)


def _photogrammetry(canvas: Canvas, surface: FloatArray, config: SensorConfig, rng: Generator) -> FloatArray:
    height, width = surface.shape
    key = int(rng.integers(1 << 16))
    window = (canvas.row0, canvas.col0, height, width)
    gsd = canvas.gsd
    lost = noise(4.0 / gsd, *window, key) > np.float32(1.8 - 2.8 * config.lost_trees)
    without = np.where(np.isnan(canvas.roof_surface), canvas.ground, canvas.roof_surface)
    raw = np.where(canvas.canopy & lost, without, surface)
    smooth = gaussian_filter(raw, config.blur_m / gsd, truncate=2.5)
    # Matching follows edges unevenly: blurred here, crisp there.
    uneven = np.clip(0.75 + np.float32(0.3) * noise(3.0 / gsd, *window, key + 1), 0, 1)
    seen = raw + (smooth - raw) * uneven
    bump = noise(0.9 / gsd, *window, key + 2) * np.float32(config.bump_m * 0.5)
    bump += noise(3.5 / gsd, *window, key + 3) * np.float32(config.bump_m * 0.5)
    where = np.clip(0.55 + np.float32(0.45) * noise(8.0 / gsd, *window, key + 4), 0.1, 1.5)
    seen = seen + bump * where + np.float32(config.noise_m * 0.5) * noise(0.5 / gsd, *window, key + 5)
    return np.asarray(seen, np.float32)


def _holes(canvas: Canvas, share: float, key: int) -> BoolArray:
    """Return where there is no data: ragged patches and now and then a straight border."""
    height, width = canvas.shape
    window = (canvas.row0, canvas.col0, height, width)
    patches = noise(6.0 / canvas.gsd, *window, key) + np.float32(0.15) * noise(0.5 / canvas.gsd, *window, key + 1)
    threshold = np.float32(2.4 - 5.0 * share)
    return np.asarray(patches > threshold)

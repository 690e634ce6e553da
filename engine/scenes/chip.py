"""One training chip, or any window of a scene, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .buildings import draw_building
from .canvas import BoolArray, Canvas
from .chance import choose
from .clutter import draw_thing, draw_wire
from .ground import draw_area, draw_base, draw_road
from .labels import boundaries, signed_distance
from .noise import FloatArray
from .picture import PictureConfig, draw_picture_config, take_picture
from .plan import Plan
from .sensor import FOOT_M, SensorConfig, draw_sensor, sense
from .solids import draw_solid
from .surveyed import load_surveyed, settle
from .town import draw_plan
from .vegetation import draw_hedge, draw_tree

EDGE_PX = 12
"""Pixels drawn around a chip and cut off again: filters and shadows have no border."""

TILT = 0.35
"""Largest rise of a surface that is tilted on purpose, metres per metre."""


@dataclass(frozen=True)
class SceneConfig:
    """What chips are like.

    Attributes:
        size: pixels of a chip's side.
        margin: pixels of context around the chip in ``surface``.
        gsd: range of metres per pixel, drawn evenly in its logarithm.
        styles: weight of each kind of place; empty for the usual mix.
        balance: probability that a roof's class is drawn from the balanced table instead of the place's.
        max_slope: steepest mean slope of the ground, metres per metre.
        registered: share of chips whose picture fits labels and heights exactly; the others are shifted by up to
            three pixels and may not be used without heights.
        sensor: fixes the height sensor; None draws one for each chip.
        picture: fixes light and camera; None draws them for each chip.
        feet: share of chips whose heights are in feet by mistake.
        offset_m: constant offsets of the heights up to this, metres.
        tilted: share of chips whose whole surface, roofs included, is tilted by up to `TILT`. No land lies so, but a
            network that has seen it does not mind slopes. Such chips have no roof classes.
        cities: paths of CityGML or CityJSON files whose true roofs take the place of a quarter of the invented ones
            that they fit; None for invented ones only. Roofs whose class the file does not tell have roof class 0.
    """

    size: int = 256
    margin: int = 0
    gsd: tuple[float, float] = (0.2, 0.6)
    styles: dict[str, float] = field(default_factory=dict)
    balance: float = 0.45
    max_slope: float = 0.3
    registered: float = 1.0
    sensor: SensorConfig | None = None
    picture: PictureConfig | None = None
    feet: float = 0.01
    offset_m: float = 1500.0
    tilted: float = 0.0
    cities: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SceneFlags:
    """What was done to a chip on purpose.

    Attributes:
        registered: True if the picture fits labels and heights exactly.
        feet: True if the heights are in feet.
        sensor: name of the height sensor.
        sensor_config: the sensor.
        picture_config: light and camera.
        offset_m: constant added to the heights, metres.
        max_slope: mean slope of the ground.
        tilt: rise of the whole surface on purpose, metres per metre to the right and downwards (in rows).
    """

    registered: bool
    feet: bool
    sensor: str
    sensor_config: SensorConfig
    picture_config: PictureConfig
    offset_m: float
    max_slope: float
    tilt: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class SceneChip:
    """A chip with all labels; arrays are [H, W] of the chip, but ``surface`` is [H + 2 * margin, W + 2 * margin].

    Attributes:
        rgb: picture [3, H, W].
        surface: heights as the sensor reports them, metres (feet if so flagged); NaN where it has none.
        land_cover: ids 1 to 6 of what is highest.
        roof_class: ids 1 to 12 where a roof is seen, else 0.
        building_id: unique ids where a roof is seen, else 0.
        boundary: thin outlines of buildings.
        distance: distance to the nearest outline in pixels, negative outside buildings.
        height_above_ground: true heights, metres.
        roof_plane: unique ids of roof planes, else 0.
        gsd: metres per pixel.
        margin: pixels of context around the chip in ``surface``.
        flags: what was done to the chip.
    """

    rgb: NDArray[np.uint8]
    surface: FloatArray
    land_cover: NDArray[np.uint8]
    roof_class: NDArray[np.uint8]
    building_id: NDArray[np.int32]
    boundary: BoolArray
    distance: FloatArray
    height_above_ground: FloatArray
    roof_plane: NDArray[np.int32]
    gsd: float
    margin: int
    flags: SceneFlags


def make_chip(seed: int, index: int, config: SceneConfig) -> SceneChip:
    """Return chip number ``index`` of the endless sequence of ``seed``: the same arguments give the same bits."""
    rng = np.random.default_rng((seed, index))
    gsd = float(np.exp(rng.uniform(np.log(config.gsd[0]), np.log(config.gsd[1]))))
    around = max(config.margin, EDGE_PX)
    side = config.size + 2 * around
    extent = side * gsd
    plan = draw_plan(rng, (0.0, 0.0, extent, extent), config.styles, config.balance, config.max_slope)
    if config.cities:
        settle(plan, load_surveyed(choose(rng, config.cities)), rng, 0.25)
    canvas = render(plan, gsd, 0, 0, side, side)
    return dress(canvas, plan, config, rng, around)


def render(plan: Plan, gsd: float, row0: int, col0: int, height: int, width: int) -> Canvas:
    """Draw a window of a plan; windows of one plan fit together without a seam.

    Args:
        plan: what stands where.
        gsd: metres per pixel.
        row0: absolute row of the first pixel.
        col0: absolute column of the first pixel.
        height: rows.
        width: columns.
    """
    canvas = Canvas.blank(gsd, row0, col0, height, width)
    whole = canvas.whole()
    canvas.ground[...] = plan.terrain.height(whole.x, whole.y)
    draw_base(canvas, plan.base)
    for area in plan.areas:
        draw_area(canvas, area)
    for road in plan.roads:
        draw_road(canvas, road)
    for building in plan.buildings:
        draw_building(canvas, building)
    for solid in plan.solids:
        draw_solid(canvas, solid)
    for thing in plan.things:
        draw_thing(canvas, thing)
    for hedge in plan.hedges:
        draw_hedge(canvas, hedge)
    x0, y0, x1, y1 = canvas.bounds
    for tree in plan.trees:
        reach = tree.radius * 1.3
        if x0 - reach < tree.x < x1 + reach and y0 - reach < tree.y < y1 + reach:
            draw_tree(canvas, tree, plan.terrain.at(tree.x, tree.y))
    return canvas


def dress(canvas: Canvas, plan: Plan, config: SceneConfig, rng: Generator, around: int) -> SceneChip:
    """Return a drawn canvas as sensors see it, with its labels; ``around`` pixels on every side are context."""
    registered = bool(rng.random() < config.registered)
    sensor = config.sensor if config.sensor is not None else draw_sensor(rng)
    picture = config.picture if config.picture is not None else draw_picture_config(rng, registered)
    surface = canvas.surface
    if plan.wires and sensor.kind == "lidar":
        surface = surface.copy()
        for wire in plan.wires:
            draw_wire(canvas, wire, surface)
    seen = sense(canvas, surface, sensor, rng)
    tilt = _draw_tilt(rng, config.tilted)
    if tilt != (0.0, 0.0):
        rows, cols = np.mgrid[: seen.shape[0], : seen.shape[1]].astype(np.float32) * np.float32(canvas.gsd)
        seen = seen + np.float32(tilt[0]) * cols + np.float32(tilt[1]) * rows
    offset = float(rng.uniform(-20, config.offset_m)) if config.offset_m > 0 else 0.0
    feet = bool(rng.random() < config.feet)
    # Subtract before the constant is added: float32 keeps a tenth of a millimetre near 1500 m, enough for a DSM.
    seen = (seen + np.float32(offset)).astype(np.float32)
    if feet:
        seen = (seen / np.float32(FOOT_M)).astype(np.float32)
    core_pad = min(EDGE_PX, around)
    small = crop(canvas, around - core_pad)
    rgb = take_picture(small, picture, rng)
    inner = (slice(around, canvas.shape[0] - around), slice(around, canvas.shape[1] - around))
    cut = around - config.margin
    outer = (slice(cut, canvas.shape[0] - cut), slice(cut, canvas.shape[1] - cut))
    edges = boundaries(canvas.building)
    flags = SceneFlags(
        registered=picture.shift == (0, 0),
        feet=feet,
        sensor=sensor.kind,
        sensor_config=sensor,
        picture_config=picture,
        offset_m=offset,
        max_slope=float(np.hypot(plan.terrain.slope_x, plan.terrain.slope_y)),
        tilt=tilt,
    )
    building = canvas.building[inner].copy()
    boundary = edges[inner].copy()
    return SceneChip(
        rgb=_without_edge(rgb, core_pad),
        surface=np.ascontiguousarray(seen[outer]),
        land_cover=canvas.cover[inner].copy(),
        roof_class=canvas.roof_class[inner].copy() if tilt == (0.0, 0.0) else np.zeros_like(canvas.roof_class[inner]),
        building_id=building,
        boundary=boundary,
        distance=signed_distance(building, boundary),
        height_above_ground=(canvas.surface[inner] - canvas.ground[inner]).astype(np.float32),
        roof_plane=canvas.plane[inner].copy(),
        gsd=canvas.gsd,
        margin=config.margin,
        flags=flags,
    )


def _draw_tilt(rng: Generator, share: float) -> tuple[float, float]:
    """Return a rise to the right and downwards, mostly none."""
    if share <= 0 or rng.random() >= share:  # without tilts no chance is spent: other chips stay as they are
        return 0.0, 0.0
    rise, aspect = TILT * float(np.sqrt(rng.random())), float(rng.uniform(0, 2 * np.pi))
    return rise * float(np.cos(aspect)), rise * float(np.sin(aspect))


def _without_edge(rgb: NDArray[np.uint8], pixels: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rgb[:, pixels : rgb.shape[1] - pixels, pixels : rgb.shape[2] - pixels])


def crop(canvas: Canvas, pixels: int) -> Canvas:
    """Return the canvas without ``pixels`` on every side (views of the same layers)."""
    if pixels <= 0:
        return canvas
    inner = slice(pixels, -pixels)
    return replace(
        canvas,
        row0=canvas.row0 + pixels,
        col0=canvas.col0 + pixels,
        ground=canvas.ground[inner, inner],
        surface=canvas.surface[inner, inner],
        albedo=canvas.albedo[:, inner, inner],
        cover=canvas.cover[inner, inner],
        roof_class=canvas.roof_class[inner, inner],
        building=canvas.building[inner, inner],
        plane=canvas.plane[inner, inner],
        canopy=canvas.canopy[inner, inner],
        water=canvas.water[inner, inner],
        roof_surface=canvas.roof_surface[inner, inner],
    )

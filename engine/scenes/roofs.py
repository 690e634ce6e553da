"""Height fields of the roofs: exact geometry for every roof class.

Each form gives heights relative to the eave, the number of the plane that each pixel belongs to (from 1), and whether
the roof falls along p there (hip ends, say) or along q: textures run with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..given import given
from .canvas import BoolArray
from .footprints import Outline, Rect, maximal_rects
from .noise import FloatArray

PlaneArray = NDArray[np.int16]
RoofSurface = tuple[FloatArray, PlaneArray, BoolArray]
"""Heights above the eave [h, w], plane numbers [h, w], falls along p [h, w]."""


@dataclass(frozen=True)
class Roof:
    """One roof: its class, its form and the numbers of the form (metres, or metres per metre for slopes)."""

    roof_class: int
    form: str
    values: dict[str, float] = field(default_factory=dict)

    def get(self, name: str, default: float) -> np.float32:
        """Return one number of the form."""
        return np.float32(self.values.get(name, default))


def roof_surface(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Return the roof over ``outline`` at the points (p, q) [h, w]; what lies outside the outline has no meaning.

    Raises:
        KeyError: if the form is not known.
    """
    return FORMS[roof.form](roof, outline, p, q)


def _flat(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Level (or drained by a few per cent), with a parapet where the form has one."""
    height = p * roof.get("fall", 0.0)
    if roof.get("parapet", 0.0) > 0:
        rim = outline.depth(p, q) < roof.get("parapet_width", 0.35)
        height = height + rim * roof.get("parapet", 0.0)
    return height, np.ones(height.shape, np.int16), np.zeros(height.shape, np.bool_)


def _mono(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """One plane that rises along q."""
    height = (q - np.float32(outline.bounds[1])) * roof.get("slope", 0.15)
    return height, np.ones(height.shape, np.int16), np.zeros(height.shape, np.bool_)


def _butterfly(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Two planes that fall towards a valley in the middle."""
    height = np.abs(q) * roof.get("slope", 0.15)
    return height, (1 + (q > 0)).astype(np.int16), np.zeros(height.shape, np.bool_)


def _offset_sheds(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Two planes that rise towards each other and end at different heights."""
    side = q > roof.get("split", 0.0)
    _, q0, _, q1 = outline.bounds
    height = np.where(side, (np.float32(q1) - q) * roof.get("slope", 0.3) + roof.get("step", 1.0),
                      (q - np.float32(q0)) * roof.get("slope", 0.3))  # fmt: skip
    return height.astype(np.float32), (1 + side).astype(np.int16), np.zeros(height.shape, np.bool_)


def _freeform(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """A saddle or a wave."""
    p0, q0, p1, q1 = outline.bounds
    u, v = 2 * p / np.float32(p1 - p0), 2 * q / np.float32(q1 - q0)
    rise = roof.get("rise", 2.0)
    if roof.get("waves", 0.0) > 0:
        height = rise * (0.5 + 0.5 * np.cos(u * roof.get("waves", 0.0) * np.float32(np.pi)))
    else:
        height = rise * (0.5 + 0.5 * (u * u - v * v))
    return height.astype(np.float32), np.ones(height.shape, np.int16), np.zeros(height.shape, np.bool_)


def _wings(outline: Outline) -> tuple[Rect, ...]:
    return outline.rects if outline.rects else (outline.bounds,)


def _ridged(
    roof: Roof, outline: Outline, p: FloatArray, q: FloatArray, profile: Callable[[FloatArray], FloatArray]
) -> RoofSurface:
    """Over each wing a roof whose height is ``profile`` of the distance to the nearer long side; the highest counts."""
    height: FloatArray | None = None
    plane = along_p = None
    offset = roof.get("ridge_offset", 0.0)
    for k, (p0, q0, p1, q1) in enumerate(_wings(outline)):
        turned = len(_wings(outline)) > 1 and (q1 - q0) > (p1 - p0)  # a single ridge runs along p
        t, end = (p, q) if turned else (q, p)
        t0, t1 = (p0, p1) if turned else (q0, q1)
        e0, e1 = (q0, q1) if turned else (p0, p1)
        half = np.float32((t1 - t0) / 2)
        s = t - np.float32((t0 + t1) / 2)
        ridge = offset * half
        # Both sides start at the same eave; a shifted ridge makes the nearer side steeper.
        depth = np.where(s > ridge, (half - s) * (half / (half - ridge)), (half + s) * (half / (half + ridge)))
        one = profile(np.maximum(depth, 0).astype(np.float32))
        side = (1 + 4 * k + (s > ridge)).astype(np.int16)
        falls_p = np.full(one.shape, turned)
        cut = roof.get("half_hip", 0.0)
        if cut > 0:  # the gable's top is cut by a small sloping triangle
            from_end = np.float32((e1 - e0) / 2) - np.abs(end - np.float32((e0 + e1) / 2))
            top = profile(np.asarray([half], np.float32))[0]
            hip = top * (1 - cut) + from_end * roof.get("end_slope", 1.0)
            low = hip < one
            one = np.where(low, hip, one)
            side = np.where(low, np.int16(3 + 4 * k) + (end > np.float32((e0 + e1) / 2)), side).astype(np.int16)
            falls_p = falls_p ^ low
        inside = (p >= np.float32(p0)) & (p < np.float32(p1)) & (q >= np.float32(q0)) & (q < np.float32(q1))
        if height is None or plane is None or along_p is None:
            height, plane, along_p = one, side, falls_p
            if len(_wings(outline)) > 1:
                height = np.where(inside, one, np.float32(-99))
        else:
            higher = inside & (one > height)
            height = np.where(higher, one, height)
            plane = np.where(higher, side, plane)
            along_p = np.where(higher, falls_p, along_p)
    return given(height).astype(np.float32), given(plane), given(along_p)


def _gable(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Two planes and one ridge over each wing."""
    slope = roof.get("slope", 0.6)
    return _ridged(roof, outline, p, q, lambda depth: depth * slope)


def _gambrel(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Two slopes on each side of the ridge, the lower the steeper, and gable ends."""
    steep, slope, knee = roof.get("steep", 1.6), roof.get("slope", 0.5), roof.get("knee", 1.5)
    height, plane, along_p = _ridged(
        roof, outline, p, q, lambda d: np.minimum(d * steep, knee * steep + (d - knee) * slope).astype(np.float32)
    )
    upper = height > knee * steep
    return height, (plane + np.int16(100) * upper).astype(np.int16), along_p


def _arched(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """A barrel vault: an arc of a circle over the width."""
    _, q0, _, q1 = outline.bounds
    half, rise = np.float32((q1 - q0) / 2), roof.get("rise", 2.0)
    radius = (half * half + rise * rise) / (2 * rise)
    arc = np.sqrt(np.maximum(radius * radius - np.minimum(np.abs(q), half) ** 2, 0)) - (radius - rise)
    return arc.astype(np.float32), np.ones(arc.shape, np.int16), np.zeros(arc.shape, np.bool_)


def _row(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Parallel bays along p: saw-tooth (kind 0), gables (1) or vaults (2)."""
    p0, _, p1, _ = outline.bounds
    bays = max(int(roof.get("bays", 3)), 2)
    position = np.clip((p - np.float32(p0)) * np.float32(bays / (p1 - p0)), 0, bays - 1e-3)
    bay = np.floor(position)
    t = position - bay
    rise, kind = roof.get("rise", 2.0), int(roof.get("kind", 0))
    if kind == 0:
        back = np.float32(0.9)
        height, side = rise * np.minimum(t / back, (1 - t) / (1 - back)), t > back
    elif kind == 1:
        height, side = rise * (1 - np.abs(2 * t - 1)), t > 0.5
    else:
        height, side = rise * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0)), np.zeros(t.shape, np.bool_)
    plane = (1 + 2 * bay + side).astype(np.int16)
    return height.astype(np.float32), plane, np.ones(plane.shape, np.bool_)


def _hips(outline: Outline, p: FloatArray, q: FloatArray, end_ratio: np.float32) -> RoofSurface:
    """Depth below the hip planes: distances to the four sides, those to the short ends scaled by ``end_ratio``."""
    best: FloatArray | None = None
    plane = along_p = None
    rects = maximal_rects(outline.rects) if outline.rects else (outline.bounds,)
    for k, (p0, q0, p1, q1) in enumerate(rects):
        along = np.float32((p1 - p0) / 2) - np.abs(p - np.float32((p0 + p1) / 2))
        across = np.float32((q1 - q0) / 2) - np.abs(q - np.float32((q0 + q1) / 2))
        if len(rects) == 1:
            along = along * end_ratio
        ends = along < across
        one = np.where(ends, along, across)
        side = np.where(ends, 1 + (p > np.float32((p0 + p1) / 2)), 3 + (q > np.float32((q0 + q1) / 2))) + 4 * k
        if best is None or plane is None or along_p is None:
            best, plane, along_p = one, side, ends
        else:
            higher = one > best
            best = np.where(higher, one, best)
            plane = np.where(higher, side, plane)
            along_p = np.where(higher, ends, along_p)
    return given(best).astype(np.float32), given(plane).astype(np.int16), given(along_p)


def _hipped(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Planes that rise from every side of the outline; where they meet are ridges, hips and valleys."""
    if outline.corners:
        depth = outline.depth(p, q)
        return depth * roof.get("slope", 0.6), _corner_plane(outline, p, q), np.zeros(depth.shape, np.bool_)
    depth, plane, along_p = _hips(outline, p, q, roof.get("end_ratio", 1.0))
    return depth * roof.get("slope", 0.6), plane, along_p


def _mansard(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Two slopes on all sides, the lower the steeper; the upper may be level."""
    depth, plane, along_p = _hips(outline, p, q, np.float32(1))
    steep, slope, knee = roof.get("steep", 2.2), roof.get("slope", 0.3), roof.get("knee", 1.2)
    upper = depth > knee
    height = np.where(upper, knee * steep + (depth - knee) * slope, depth * steep)
    return height.astype(np.float32), (plane + np.int16(100) * upper).astype(np.int16), along_p


def _pyramid(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Planes from every side to one point."""
    rise = roof.get("rise", 2.5)
    if outline.corners:
        apex = outline.depth(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32))[0, 0]
        height = outline.depth(p, q) * (rise / max(apex, np.float32(0.1)))
        return height, _corner_plane(outline, p, q), np.zeros(height.shape, np.bool_)
    p0, q0, p1, q1 = outline.bounds
    along, across = np.abs(p) * np.float32(2 / (p1 - p0)), np.abs(q) * np.float32(2 / (q1 - q0))
    ends = along > across
    height = rise * (1 - np.maximum(along, across))
    plane = np.where(ends, 1 + (p > 0), 3 + (q > 0)).astype(np.int16)
    return height.astype(np.float32), plane, ends


def _corner_plane(outline: Outline, p: FloatArray, q: FloatArray) -> PlaneArray:
    distances = []
    for (p0, q0), (p1, q1) in zip(outline.corners, outline.corners[1:] + outline.corners[:1]):
        length = max(float(np.hypot(p1 - p0, q1 - q0)), 1e-6)
        distances.append((p - np.float32(p0)) * np.float32(-(q1 - q0) / length)
                         + (q - np.float32(q0)) * np.float32((p1 - p0) / length))  # fmt: skip
    return np.asarray(1 + np.argmin(np.stack(distances), axis=0), np.int16)


def _revolved(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """A surface of revolution: dome (kind 0), cone (1) or bell (2)."""
    p0, _, p1, _ = outline.bounds
    t = np.minimum(np.sqrt(p * p + q * q) * np.float32(2 / (p1 - p0)), 1)
    rise, kind = roof.get("rise", 3.0), int(roof.get("kind", 0))
    if kind == 0:
        height = rise * np.sqrt(1 - t * t)
    elif kind == 1:
        height = rise * (1 - t)
    else:
        height = rise * (0.5 + 0.5 * np.cos(t * np.float32(np.pi)))
    return height.astype(np.float32), np.ones(height.shape, np.int16), np.zeros(height.shape, np.bool_)


def _multiple_eave(roof: Roof, outline: Outline, p: FloatArray, q: FloatArray) -> RoofSurface:
    """Roofs stacked over each other: each tier starts inside the one below with an eave of its own."""
    depth, plane, along_p = _hips(outline, p, q, np.float32(1))
    tiers = max(int(roof.get("tiers", 2)), 2)
    inset, step, slope = roof.get("inset", 2.0), roof.get("step", 2.5), roof.get("slope", 0.5)
    tier = np.clip(np.floor(depth / inset), 0, tiers - 1)
    local = depth - tier * inset
    height = tier * (step + np.float32(0.25) * slope * inset) + local * slope * (1 + roof.get("curve", 0.0) * local)
    return height.astype(np.float32), (plane + 20 * tier).astype(np.int16), along_p


FORMS: dict[str, Callable[[Roof, Outline, FloatArray, FloatArray], RoofSurface]] = {
    "flat": _flat,
    "mono": _mono,
    "butterfly": _butterfly,
    "offset_sheds": _offset_sheds,
    "freeform": _freeform,
    "gable": _gable,
    "gambrel": _gambrel,
    "row": _row,
    "multiple_eave": _multiple_eave,
    "hipped": _hipped,
    "mansard": _mansard,
    "pyramid": _pyramid,
    "arched": _arched,
    "revolved": _revolved,
}
"""Name of each form and what makes it."""

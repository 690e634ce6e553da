"""What should be said about labels before anyone waits for a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from ...models.package import InputSpec
from ...raster.grid import Grid
from .labels import LabelSet, counted, told
from .samples import Sample
from .split import Split
from .teaching import Teaching

LEAST_POLYGONS = 5
LEAST_VALIDATION_PX = 200
IMBALANCE = 20.0
SHIFT_REACH_M = 4.0
SHIFT_SAID_M = 0.75
LEAST_SHIFT_POLYGONS = 8
"""Fewer outlines follow edges by chance."""


@dataclass(frozen=True)
class Finding:
    """One thing about the labels; ``code`` is stable, ``message`` a sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class LabelReport:
    """Labels in numbers, and what is odd about them.

    Attributes:
        classes: by class: ``polygons``, ``pixels`` (training), ``validation_polygons``, ``validation_pixels``.
        findings: sentences for the user, the gravest first.
        shift_m: (east, north) by which the polygons seem to lie beside the edges of the surface, in metres; None where
            it cannot be told.
    """

    classes: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    shift_m: tuple[float, float] | None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "classes": self.classes,
            "findings": [{"code": item.code, "message": item.message} for item in self.findings],
            "shift_m": None if self.shift_m is None else [round(item, 2) for item in self.shift_m],
        }


def check_labels(
    labels: LabelSet,
    teaching: Teaching,
    split: Split,
    samples: Sequence[Sample],
    surface: InputSpec | None,
    skipped: Sequence[Grid] = (),
) -> LabelReport:
    """Return what there is to know about labels.

    Args:
        labels: the polygons.
        teaching: what they teach.
        split: which of them validate.
        samples: the tiles that hold them.
        surface: the input with height channels, whose edges the polygons are compared with; None: none.
        skipped: tiles with labels that were not read because there are too many.
    """
    classes = _counts(labels, teaching, split, samples)
    shift = _shift(samples, surface, teaching.background) if surface is not None else None
    findings = [
        *_few(classes, teaching),
        *_beside_imagery(labels, samples, skipped),
        *_shifted(shift),
        *_imbalance(classes, teaching),
        *_overlaps(labels),
        *(Finding(code, message) for code, message in told(labels)),
    ]
    return LabelReport(classes, tuple(findings), shift)


def _counts(labels: LabelSet, teaching: Teaching, split: Split, samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    pixels = np.zeros((2, len(teaching.names)), np.int64)
    for sample in samples:
        truth, validates = sample.truth[sample.core], sample.validates[sample.core]
        for half in (0, 1):
            counted = truth[(truth >= 0) & (validates == bool(half))]
            pixels[half] += np.bincount(counted, minlength=len(teaching.names))
    polygons = [
        np.bincount(labels.classes[split.validates == bool(half)], minlength=len(teaching.names)) for half in (0, 1)
    ]
    return {
        name: {
            "polygons": int(polygons[0][i]),
            "pixels": int(pixels[0][i]),
            "validation_polygons": int(polygons[1][i]),
            "validation_pixels": int(pixels[1][i]),
        }
        for i, name in enumerate(teaching.names)
    }


def _few(classes: dict[str, dict[str, int]], teaching: Teaching) -> list[Finding]:
    findings = []
    for name, count in classes.items():
        if teaching.background is not None and name == teaching.names[teaching.background]:
            continue
        total = count["polygons"] + count["validation_polygons"]
        if count["pixels"] == 0:
            findings.append(
                Finding(
                    "nothing_to_train",
                    f"The class {name!r} cannot be learned: no polygon of it that teaches lies on the rasters.",
                )
            )
        elif total < LEAST_POLYGONS:
            findings.append(
                Finding(
                    "few_polygons",
                    f"The class {name!r} has {counted(total, 'polygon', 'polygons')}; from {LEAST_POLYGONS} on it gets "
                    "useful.",
                )
            )
        if count["validation_pixels"] < LEAST_VALIDATION_PX:
            findings.append(
                Finding(
                    "little_validation",
                    f"Too little of the class {name!r} is left for validation, so its score says little; label it in "
                    "more than one place.",
                )
            )
    return findings


def _beside_imagery(labels: LabelSet, samples: Sequence[Sample], skipped: Sequence[Grid]) -> list[Finding]:
    seen: set[int] = set()
    for sample in samples:
        seen.update(np.unique(sample.polygon[sample.truth >= 0]).tolist())
    unseen = np.array([labels.polygons[i] for i in range(len(labels.polygons)) if i not in seen], dtype=object)
    if skipped and len(unseen):
        tiles = shapely.STRtree([shapely.box(*window.bounds) for window in skipped])
        unseen = np.delete(unseen, np.unique(tiles.query(unseen, predicate="intersects")[0]))
    lost = len(unseen)
    if not lost:
        return []
    share = 100 * lost / len(labels.polygons)
    lie = counted(lost, f"polygon ({share:.0f} %) lies", f"polygons ({share:.0f} %) lie")
    teach = "teaches" if lost == 1 else "teach"
    return [Finding("outside_rasters", f"{lie} outside the rasters and {teach} nothing.")]


def _imbalance(classes: dict[str, dict[str, int]], teaching: Teaching) -> list[Finding]:
    background = None if teaching.background is None else teaching.names[teaching.background]
    sizes = {name: count["pixels"] for name, count in classes.items() if name != background and count["pixels"]}
    if len(sizes) < 2:
        return []
    largest, smallest = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
    factor = sizes[largest] / sizes[smallest]
    if factor < IMBALANCE:
        return []
    return [
        Finding(
            "imbalance",
            f"The class {largest!r} has {factor:.0f} times the area of {smallest!r}; tiles are drawn so that both "
            "count, but more labels of the small one would help.",
        )
    ]


def _overlaps(labels: LabelSet) -> list[Finding]:
    shapes = np.array(labels.polygons, dtype=object)
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    common = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    smaller = np.minimum(shapely.area(shapes[left]), shapely.area(shapes[right]))
    same, partly = common > 0.95 * smaller, (common > 0.05 * smaller) & (common <= 0.95 * smaller)
    findings = []
    if same.any():
        lie = counted(int(same.sum()), "polygon lies inside another", "polygons lie inside others")
        findings.append(Finding("duplicates", f"{lie}; the smaller one counts."))
    if partly.any():
        overlap = counted(int(partly.sum()), "pair of polygons overlaps", "pairs of polygons overlap")
        findings.append(Finding("overlaps", f"{overlap}; the smaller one counts."))
    return findings


def _shifted(shift: tuple[float, float] | None) -> list[Finding]:
    if shift is None or np.hypot(*shift) < SHIFT_SAID_M:
        return []
    east, north = shift
    where = (
        f"{abs(east):.1f} m {'east' if east > 0 else 'west'} and {abs(north):.1f} m {'north' if north > 0 else 'south'}"
    )
    return [
        Finding(
            "shifted",
            f"The polygons seem to lie {where} of the edges in the surface model; move them for cleaner outlines.",
        )
    ]


def _shift(samples: Sequence[Sample], surface: InputSpec, background: int | None) -> tuple[float, float] | None:
    """Return how far the outlines lie from the steps of the surface: the best of all shifts within reach.

    The mean step height (log-compressed gradient) under the outlines is compared over all shifts in whole pixels; what
    is drawn as background need not follow any edge, and a best shift on the rim of the reach is no peak.
    """
    names = surface.height_channels.channels if surface.height_channels is not None else ()
    if not samples or surface.name not in samples[0].inputs or not {"slope_x", "slope_y"} <= set(names):
        return None
    slopes = [names.index("slope_x"), names.index("slope_y")]
    gsd = samples[0].window.gsd
    reach = max(1, round(SHIFT_REACH_M / gsd))
    size = 2 * reach + 1
    total = np.zeros((size, size))
    count = 0
    polygons: set[int] = set()
    for sample in samples:
        things = sample.polygon if background is None else np.where(sample.truth == background, -1, sample.polygon)
        outline = _outline(things)
        polygons.update(np.unique(things[outline]).tolist())
        if not outline.any():
            continue
        step = np.hypot(*sample.inputs[surface.name][slopes])
        step = ndimage.gaussian_filter(step, 0.5 / gsd)
        rows, cols = np.nonzero(outline)
        keep = (rows >= reach) & (rows < step.shape[0] - reach) & (cols >= reach) & (cols < step.shape[1] - reach)
        rows, cols = rows[keep], cols[keep]
        count += rows.size
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                total[down + reach, right + reach] += step[rows + down, cols + right].sum()
    if count < 100 or len(polygons) < LEAST_SHIFT_POLYGONS:
        return None
    best = np.unravel_index(int(np.argmax(total)), total.shape)
    # a flat top says nothing: the best shift must be clearly better than none
    rim = {0, size - 1}
    if rim & {int(item) for item in best} or total[best] <= 1.15 * total[reach, reach]:
        return 0.0, 0.0
    return float(reach - best[1]) * gsd, float(best[0] - reach) * gsd


def _outline(polygon: NDArray[np.int32]) -> NDArray[np.bool_]:
    inside = polygon >= 0
    outline: NDArray[np.bool_] = inside & ~ndimage.binary_erosion(inside)
    return outline

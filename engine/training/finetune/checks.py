"""What should be said about labels before anyone waits for a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from ...raster.grid import Grid
from .label_shift import Edges, label_shift
from .labels import LabelSet, counted, told
from .samples import Sample
from .split import Split
from .teaching import Teaching

LEAST_POLYGONS = 5
LEAST_VALIDATION_PX = 200
IMBALANCE = 20.0
SHIFT_SAID_M = 0.75


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
        shift_m: (east, north) by which the polygons seem to lie beside the edges that they should follow, in metres;
            None where it cannot be told.
        shift_seen_in: ``dsm`` or ``rgb``: where those edges were seen; empty: nowhere.
    """

    classes: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    shift_m: tuple[float, float] | None
    shift_seen_in: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "classes": self.classes,
            "findings": [{"code": item.code, "message": item.message} for item in self.findings],
            "shift_m": None if self.shift_m is None else [round(item, 2) for item in self.shift_m],
            "shift_seen_in": self.shift_seen_in,
        }


def check_labels(
    labels: LabelSet,
    teaching: Teaching,
    split: Split,
    samples: Sequence[Sample],
    edges: Edges | None,
    skipped: Sequence[Grid] = (),
) -> LabelReport:
    """Return what there is to know about labels.

    Args:
        labels: the polygons.
        teaching: what they teach.
        split: which of them validate.
        samples: the tiles that hold them.
        edges: what the polygons' outlines are compared with; None: nothing.
        skipped: tiles with labels that were not read because there are too many.
    """
    classes = _counts(labels, teaching, split, samples)
    shift = label_shift(samples, edges, teaching.background) if edges is not None else None
    findings = [
        *_few(classes, teaching),
        *_beside_imagery(labels, samples, skipped),
        *_shifted(shift, edges),
        *_imbalance(classes, teaching),
        *_overlaps(labels),
        *(Finding(code, message) for code, message in told(labels)),
    ]
    return LabelReport(classes, tuple(findings), shift, edges.kind if edges is not None and shift is not None else "")


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


def _shifted(shift: tuple[float, float] | None, edges: Edges | None) -> list[Finding]:
    if shift is None or edges is None or np.hypot(*shift) < SHIFT_SAID_M:
        return []
    east, north = shift
    where = (
        f"{abs(east):.1f} m {'east' if east > 0 else 'west'} and {abs(north):.1f} m {'north' if north > 0 else 'south'}"
    )
    beside = {"dsm": "the edges in the surface model", "rgb": "the roofs that the model sees in the picture"}[
        edges.kind
    ]
    return [Finding("shifted", f"The polygons seem to lie {where} of {beside}; move them for cleaner outlines.")]

"""Answers a preview: the model's results for what the map shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..feedback import Feedback
from ..inference.finish import PlaneSpec
from ..jobs import ErrorCode, Region, Result, RidgelineError
from ..jobs.serve import PreviewRequest
from ..raster.crs import name_of, parse_crs
from ..raster.grid import Grid
from ..raster.region import region_geometry
from .mosaic import Planes
from .pictures import PictureFolder
from .scenes import OpenScene


def make_preview(
    scene: OpenScene, request: PreviewRequest, stem: str, pictures: PictureFolder, feedback: Feedback
) -> Result:
    """Compute what is not known yet of the view, and write a picture of each layer.

    Where much is missing, a first part of it is shown early: a progress event of the phase ``part``, whose detail has
    the paths of the pictures as they are then.

    Returns:
        Paths by layer, and a summary: ``crs`` and ``bounds`` of the pictures, ``gsd_m``, ``computed`` (tiles that were
        new), ``tiles`` (all that the view needs), ``seconds``, ``device`` and ``shares`` (of the classes of each
        layer).

    Raises:
        RidgelineError: (NO_OVERLAP) if the view shows nothing of the rasters; (BAD_REGION) if it shows too much;
            (BAD_JOB) naming a layer that the model does not give; else as a segment job.
    """
    began = time.perf_counter()
    planes = _planes(scene, request.layers)
    window = view_window(scene, request)
    needed = scene.mosaic.tiles_needed(window)
    if needed > request.most_tiles:
        raise RidgelineError(
            ErrorCode.BAD_REGION,
            f"The view shows too much for a preview: {window.width * window.gsd / 1000:.2g} × "
            f"{window.height * window.gsd / 1000:.2g} km ({needed} tiles).",
            "Zoom in, or run the model over the whole region.",
        )
    before = scene.tiles.computed

    def write(found: Planes, name: str) -> dict[str, str]:
        folder = Path(request.out)
        return {
            plane.name: str(pictures.write(folder, name, plane, found[plane.name], window, request.format))
            for plane in planes
        }

    def step(done: int, total: int) -> None:
        feedback.progress(done, total, "tiles", "preview")

    def part(found: Planes) -> None:
        feedback.check_cancelled()
        feedback.progress(
            scene.tiles.computed - before, needed, "tiles", "part", {"outputs": write(found, stem + "_part")}
        )

    found = scene.mosaic.read(window, step, part)
    feedback.check_cancelled()
    outputs = write(found, stem)
    summary = {
        "crs": name_of(window.crs),
        "crs_wkt": window.crs.to_wkt(),
        "bounds": list(window.bounds),
        "gsd_m": window.gsd,
        "tiles": needed,
        "computed": scene.tiles.computed - before,
        "seconds": round(time.perf_counter() - began, 3),
        "device": scene.report.sentence,
        "shares": {plane.name: _shares(plane, found[plane.name]) for plane in planes if plane.values == "classes"},
    }
    return Result(outputs, summary)


def view_window(scene: OpenScene, request: PreviewRequest) -> Grid:
    """Return the window of the lattice that the view shows.

    Raises:
        RidgelineError: (NO_OVERLAP), (BAD_REGION), (BAD_CRS).
    """
    grid = scene.setup.frame.grid
    bounds = request.bounds
    if request.crs is not None:
        crs = parse_crs(request.crs, "the view")
        if crs != grid.crs:
            bounds = region_geometry(Region(bbox=bounds, crs=request.crs), grid.crs, grid.crs).bounds
    if not (all(np.isfinite(bounds)) and bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        raise RidgelineError(ErrorCode.BAD_REGION, "The view has no area.", "Show a part of the map.")
    window = Grid.covering(grid.crs, grid.gsd, bounds).intersection(grid)
    if not (window.width and window.height):
        raise RidgelineError(
            ErrorCode.NO_OVERLAP, "The map shows nothing of the rasters.", "Move the map to where they lie."
        )
    return window


def _planes(scene: OpenScene, layers: tuple[str, ...]) -> list[PlaneSpec]:
    known = {plane.name: plane for plane in scene.mosaic.planes}
    for name in layers:
        if name not in known:
            raise RidgelineError(
                ErrorCode.BAD_JOB,
                f"The model {scene.setup.model.name!r} gives no layer {name!r}.",
                f"It gives: {', '.join(known)}.",
            )
    return [known[name] for name in layers] if layers else [plane for plane in known.values() if plane.published]


def _shares(plane: PlaneSpec, values: NDArray[Any]) -> dict[str, float]:
    if plane.output is None:
        return {}
    counts = np.bincount(values.ravel(), minlength=256)
    known = max(int(counts[1:].sum()), 1)
    return {item.name: round(float(counts[item.id]) / known, 4) for item in plane.output.classes if counts[item.id]}

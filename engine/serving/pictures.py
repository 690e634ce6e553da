"""Small rasters for the map: one file a layer, with colours, quickly written."""

from __future__ import annotations

import contextlib
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from ..inference.finish import PlaneSpec
from ..raster.files import writing
from ..raster.grid import Grid

_KEPT = 24
"""Pictures that stay on disk: the map may still show those of the last few requests."""


class PictureFolder:
    """Writes the pictures of previews and removes old ones."""

    def __init__(self) -> None:
        self._written: deque[Path] = deque()

    def write(self, folder: Path, stem: str, plane: PlaneSpec, values: NDArray[Any], window: Grid, kind: str) -> Path:
        """Write one layer and return its path; where it says background, the map beneath is to be seen.

        Args:
            folder: where to.
            stem: begins the file's name.
            plane: what the values are.
            values: [H, W].
            window: where they lie.
            kind: ``tif`` (with colour table and class names) or ``png`` (coloured, with a world file).

        Raises:
            RidgelineError: (OUTPUT_NOT_WRITABLE), (DISK_FULL).
        """
        path = folder / f"{stem}_{plane.name}.{kind}"
        part = path.with_name(path.name + ".part")
        with writing(path):
            folder.mkdir(parents=True, exist_ok=True)
            (_write_png if kind == "png" else _write_tif)(part, plane, _without_background(plane, values), window)
            part.replace(path)
        self._written.append(path)
        while len(self._written) > _KEPT:
            self._remove(self._written.popleft())
        return path

    def clear(self) -> None:
        """Remove every picture."""
        while self._written:
            self._remove(self._written.popleft())

    @staticmethod
    def _remove(path: Path) -> None:
        for item in (path, path.with_suffix(".pgw"), path.with_name(path.name + ".aux.xml")):
            with contextlib.suppress(OSError):  # the map may hold it open; the folder is a temporary one
                item.unlink(missing_ok=True)


def _without_background(plane: PlaneSpec, values: NDArray[Any]) -> NDArray[Any]:
    """Return values [H, W] with nodata where they are the background: palettes have no alpha."""
    for item in plane.output.classes if plane.values == "classes" and plane.output is not None else ():
        if item.is_background:
            values = np.where(values == item.id, 0, values).astype(values.dtype)
    return values


def _write_tif(path: Path, plane: PlaneSpec, values: NDArray[Any], window: Grid) -> None:
    nodata = float("nan") if plane.dtype == "float32" else 0
    profile = {"driver": "GTiff", "count": 1, "dtype": plane.dtype, "nodata": nodata, "crs": window.crs}
    size = {"height": window.height, "width": window.width, "transform": window.transform}
    with rasterio.open(path, "w", **profile, **size) as sink:
        sink.write(values, 1)
        colours = colours_of(plane)
        if colours:
            sink.write_colormap(1, colours)
            sink.colorinterp = [ColorInterp.palette]
            classes = plane.output.classes if plane.output is not None else ()
            sink.update_tags(1, **{f"CLASS_{item.id}": item.name for item in classes})


def _write_png(path: Path, plane: PlaneSpec, values: NDArray[Any], window: Grid) -> None:
    picture = _as_rgba(plane, values)
    size = {"height": window.height, "width": window.width}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a PNG is not; the file beside it says where it lies
        with rasterio.open(path, "w", driver="PNG", count=4, dtype="uint8", ZLEVEL=1, **size) as sink:
            sink.write(picture)
    t = window.transform
    lines = (t.a, t.d, t.b, t.e, t.c + t.a / 2, t.f + t.e / 2)  # a world file names the centre of the first pixel
    world = path.with_name(path.name.removesuffix(".part")).with_suffix(".pgw")
    world.write_text("".join(f"{value!r}\n" for value in lines), encoding="ascii")


def colours_of(plane: PlaneSpec) -> dict[int, tuple[int, int, int, int]]:
    """Return red, green, blue and alpha by value, for rasters of classes; empty for all others."""
    if plane.values != "classes" or plane.output is None:
        return {}
    table = {0: (0, 0, 0, 0)}
    for item in plane.output.classes:
        red, green, blue = bytes.fromhex(item.colour[1:])
        table[item.id] = (red, green, blue, 255)
    return table


def _as_rgba(plane: PlaneSpec, values: NDArray[Any]) -> NDArray[np.uint8]:
    table = np.zeros((256, 4), np.uint8)
    colours = colours_of(plane)
    if colours:
        for value, colour in colours.items():
            table[value] = colour
        index = values
    else:
        table[:, :3] = np.arange(256)[:, None]
        table[1:, 3] = 255
        index = _as_bytes(plane, values)
    return np.moveaxis(table[index], -1, 0)


def _as_bytes(plane: PlaneSpec, values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a measure or probability on a grey scale from 1 to 255, 0 where there is no data."""
    if plane.values == "percent":
        return (values.astype(np.float32) * 2.55).astype(np.uint8)
    if plane.values != "metres":
        return values.astype(np.uint8)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(values.shape, np.uint8)
    low, high = float(values[known].min()), float(values[known].max())
    scaled = 1 + 254 * (np.where(known, values, low) - low) / max(high - low, 1e-6)
    return np.where(known, scaled, 0).astype(np.uint8)

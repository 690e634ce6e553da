"""Buildings into a GeoPackage, batch by batch, under its final name only when it is complete."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
import pyogrio.errors
import pyogrio.raw
import shapely
from rasterio.crs import CRS

from ..raster.files import disk_error
from .buildings import Building

LAYER = "buildings"
VERSION = "1.2"
"""Of the GeoPackage standard: the GDAL of QGIS 3.22 warns of newer ones, of which nothing is used here."""
_BATCH = 5000

FIELDS: dict[str, tuple[str, Callable[[Building], object]]] = {
    "id": ("int64", lambda b: b.id),
    "roof_class": ("object", lambda b: b.roof_class),
    "roof_class_id": ("int32", lambda b: b.roof_class_id),
    "roof_confidence": ("float64", lambda b: b.roof_confidence),
    "building_confidence": ("float64", lambda b: b.building_confidence),
    "area_m2": ("float64", lambda b: b.outline.area),
    "perimeter_m": ("float64", lambda b: b.outline.length),
    "ground_m": ("float64", lambda b: b.geometry and b.geometry.ground_m),
    "height_max_m": ("float64", lambda b: b.geometry and b.geometry.height_max_m),
    "height_mean_m": ("float64", lambda b: b.geometry and b.geometry.height_mean_m),
    "eave_height_m": ("float64", lambda b: b.geometry and b.geometry.eave_height_m),
    "ridge_height_m": ("float64", lambda b: b.geometry and b.geometry.ridge_height_m),
    "volume_m3": ("float64", lambda b: b.geometry and b.geometry.volume_m3),
    "slope_deg": ("float64", lambda b: b.geometry and b.geometry.slope_deg),
    "azimuth_deg": ("float64", lambda b: b.geometry and b.geometry.azimuth_deg),
}
"""Attributes of a building, in order: type, and where it comes from. None becomes NULL."""


def own_fields(names: Sequence[str]) -> dict[str, tuple[str, Callable[[Building], object]]]:
    """Return further attributes, as `FIELDS`: the user's own class that covers most of a building, and all shares.

    Args:
        names: of the classes, in any language; ``share_solar_panel`` is the share of ``solar panel``.
    """
    if not names:
        return {}
    fields: dict[str, tuple[str, Callable[[Building], object]]] = {"own_class": ("object", lambda b: b.own_class)}
    for name in names:
        word = stem = "share_" + re.sub(r"\W+", "_", name.casefold()).strip("_")
        number = 2
        while word in fields:
            word, number = f"{stem}_{number}", number + 1
        fields[word] = ("float64", partial(_share, name=name))
    return fields


def _share(building: Building, name: str) -> float | None:
    return building.own_shares.get(name)


class GeoPackageWriter:
    """Writes buildings as they come; use it as a context.

    Leaving the context without a fault gives the file its name; with one, nothing is left behind. A file that is
    already there under that name is replaced only then: whether it may be is the caller's question.

    Args:
        path: of the GeoPackage.
        crs: of the outlines, in metres.
        own_classes: names of the user's own classes, whose shares of each building are written, too.
    """

    def __init__(self, path: Path, crs: CRS, own_classes: Sequence[str] = ()) -> None:
        self.path = path
        self._fields = {**FIELDS, **own_fields(own_classes)}
        self.count = 0
        self._crs = crs.to_wkt()
        self._partial = path.with_name(f".{path.stem}.partial.gpkg")
        self._batch: list[Building] = []
        self._begun = False

    def __enter__(self) -> GeoPackageWriter:
        self._discard()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        if self._batch or not self._begun:
            self._flush()
        try:
            os.replace(self._partial, self.path)
        except OSError as problem:
            self._discard()
            raise disk_error(self.path, problem) from problem

    def write(self, buildings: Iterable[Building]) -> None:
        """Add buildings.

        Raises:
            RidgelineError: (OUTPUT_NOT_WRITABLE, DISK_FULL) if the file cannot be written.
        """
        for building in buildings:
            self._batch.append(building)
            self.count += 1
            if len(self._batch) >= _BATCH:
                self._flush()

    def _flush(self) -> None:
        data, missing = [], []
        for kind, value in self._fields.values():
            values = [value(building) for building in self._batch]
            empty = np.array([item is None for item in values], dtype=bool)
            filler = None if kind == "object" else 0
            data.append(np.array([filler if item is None else item for item in values], dtype=kind))
            missing.append(empty)
        shapes = np.array([building.outline for building in self._batch], dtype=object)
        try:
            pyogrio.raw.write(
                str(self._partial),
                geometry=shapely.to_wkb(shapes) if len(shapes) else np.array([], dtype=object),
                field_data=data,
                fields=np.array(list(self._fields), dtype=object),
                field_mask=missing,
                layer=LAYER,
                driver="GPKG",
                geometry_type="Polygon",
                crs=self._crs,
                append=self._begun,
                dataset_options={} if self._begun else {"VERSION": VERSION},
            )
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as problem:
            raise disk_error(self.path, problem) from problem
        self._begun = True
        self._batch = []

    def _discard(self) -> None:
        for end in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._partial}{end}").unlink()

"""What a raster input is: opened once, described, and refused in one sentence if it cannot be used.

A description holds no handle; whoever reads opens its own (GDAL's handles must not be shared between threads).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.transform import Affine, GCPTransformer

from ..jobs.errors import ErrorCode, RidgelineError
from ..jobs.inputs import RasterInput
from .bands import choose_bands
from .collar import has_black_collar
from .crs import FOOT, US_FOOT, height_unit_of, horizontal, metres_per_unit, name_of, parse_crs
from .gdal_env import gdal_env
from .opening import check_vrt_sources, label_of, open_dataset, understanding
from .wording import capital

Kind = Literal["rgb", "dsm"]

_UNITS = {"metre": 1.0, "foot": FOOT, "us-foot": US_FOOT}
_SMALLEST, _FARTHEST = 1e-12, 1e12
"""In units of a CRS: a pixel's side, a place. Beyond them arithmetic overflows, and nothing on Earth is meant."""
_FLATTEST = 1e-6
"""Area of a sheared pixel, as a share of that of an upright one."""
_BAND_UNITS = {
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 1.0),
    **dict.fromkeys(("ft", "foot", "feet", "international foot"), FOOT),
    **dict.fromkeys(("us-ft", "ftus", "us survey foot", "us foot", "usft", "foot_us", "us survey feet"), US_FOOT),
}


@dataclass(frozen=True)
class Source:
    """A raster as it lies on disk, with what the user stated about it.

    Attributes:
        path: what GDAL opens.
        kind: ``rgb`` or ``dsm``.
        label: "the RGB 'ortho.tif'": its name in messages.
        bands: bands to read, from 1, in the model's order.
        dtype: numpy type that a read gives (uint8, uint16 or float32; always float32 for heights).
        file_dtypes: types of the bands on disk.
        width: columns of the raster.
        height: rows of the raster.
        crs: its horizontal CRS.
        transform: (col, row) to CRS coordinates; for ground control points the best affine fit.
        gcps: ground control points, if it has these in place of a transform.
        nodata: nodata value of each band; None: the band has none.
        alpha_band: the band that is transparency, if there is one.
        has_mask: whether an internal or external mask band goes with it.
        height_factor: metres in one unit of its heights.
        scale: GDAL's scale of the heights' band.
        offset: GDAL's offset of the heights' band.
        white: the value of white by the type's range or the stated bit depth, for pictures.
        overviews: decimation factors of its overviews.
        notes: what was assumed, in sentences for the user, each with a short code.
    """

    path: str
    kind: Kind
    label: str
    bands: tuple[int, ...]
    dtype: str
    file_dtypes: tuple[str, ...]
    width: int
    height: int
    crs: CRS
    transform: Affine
    gcps: tuple[GroundControlPoint, ...]
    nodata: tuple[float | None, ...]
    alpha_band: int | None
    has_mask: bool
    height_factor: float
    scale: float
    offset: float
    white: float
    overviews: tuple[int, ...]
    notes: tuple[tuple[str, str], ...]

    @property
    def centre(self) -> tuple[float, float]:
        """CRS coordinates of the raster's centre."""
        xs, ys = self.to_crs_coordinates(np.array([self.width / 2]), np.array([self.height / 2]))
        return float(xs[0]), float(ys[0])

    def to_crs_coordinates(
        self, cols: NDArray[np.float64], rows: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y in the raster's CRS of fractional columns and rows of one shape (0, 0: upper left corner)."""
        if self.gcps:
            with GCPTransformer(list(self.gcps)) as transformer:
                xs, ys = transformer.xy(rows, cols, offset="ul")
        else:
            xs, ys = apply_affine(self.transform, cols, rows)
        return np.asarray(xs, np.float64), np.asarray(ys, np.float64)


def apply_affine(
    transform: Affine, first: NDArray[np.float64], second: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``transform`` applied to places of one shape (affine's own operator for it changed between versions)."""
    a, b, c, d, e, f = transform[:6]
    with np.errstate(invalid="ignore", over="ignore"):  # places that are not finite stay so
        return a * first + b * second + c, d * first + e * second + f


def describe(item: RasterInput, kind: Kind, bands: int | None = None) -> Source:
    """Open ``item`` and return what it is.

    Args:
        item: the raster and what the user stated about it.
        kind: ``rgb`` or ``dsm``.
        bands: how many bands the model takes; None: three for a picture, one for a surface.

    Raises:
        RidgelineError: (INPUT_MISSING, INPUT_UNREADABLE, NO_CRS, NO_GEOREFERENCE, BAD_CRS, BAD_BANDS, BAD_JOB).
    """
    label = label_of(item, kind)
    notes: list[tuple[str, str]] = []
    with gdal_env(), open_dataset(item.path, label) as dataset, understanding(label):
        check_vrt_sources(dataset, label)
        chosen, note = choose_bands(dataset, kind, tuple(item.bands), label, bands or (3 if kind == "rgb" else 1))
        if note:
            notes.append(("bands_assumed", capital(note)))
        crs, transform, gcps = _georeference(dataset, item, label)
        picked = [dataset.dtypes[band - 1] for band in chosen]
        if any(name.startswith("complex") for name in picked):
            raise RidgelineError(
                ErrorCode.BAD_BANDS, f"{capital(label)} holds complex numbers.", "Choose a raster of real numbers."
            )
        alpha = next((i + 1 for i, colour in enumerate(dataset.colorinterp) if colour == ColorInterp.alpha), None)
        flags = dataset.mask_flag_enums[chosen[0] - 1]
        nodata, nodata_note = _nodata(dataset, item, chosen, kind, label)
        if nodata_note:
            notes.append(("black_is_nodata", nodata_note))
        factor = 1.0
        if kind == "dsm":
            factor, unit_note = _height_factor(dataset, item, chosen[0], label)
            if unit_note:
                notes.append(("height_unit_assumed", unit_note))
        return Source(
            path=item.path,
            kind=kind,
            label=label,
            bands=chosen,
            dtype=_read_dtype(picked, kind),
            file_dtypes=tuple(picked),
            width=dataset.width,
            height=dataset.height,
            crs=crs,
            transform=transform,
            gcps=gcps,
            nodata=nodata,
            alpha_band=alpha if alpha not in chosen else None,
            has_mask=MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags,
            height_factor=factor,
            scale=float(dataset.scales[chosen[0] - 1]) if kind == "dsm" else 1.0,
            offset=float(dataset.offsets[chosen[0] - 1]) if kind == "dsm" else 0.0,
            white=_white(dataset, chosen[0], picked),
            overviews=tuple(dataset.overviews(chosen[0])),
            notes=tuple(notes),
        )


def refuse_swapped(rgb: RasterInput, dsm: RasterInput) -> None:
    """Refuse a pair whose picture and surface have changed places.

    Raises:
        RidgelineError: (LAYERS_SWAPPED), or (INPUT_MISSING, INPUT_UNREADABLE) if one cannot be opened.
    """
    picture, surface = label_of(rgb, "rgb"), label_of(dsm, "dsm")
    with gdal_env():
        with open_dataset(rgb.path, picture) as dataset, understanding(picture):
            surface_as_picture = _colours(dataset) == 1 and np.dtype(dataset.dtypes[0]).kind in "fi"
        if not surface_as_picture:
            return
        with open_dataset(dsm.path, surface) as dataset, understanding(surface):
            picture_as_surface = _colours(dataset) >= 3
    if picture_as_surface:
        raise RidgelineError(
            ErrorCode.LAYERS_SWAPPED,
            f"RGB and DSM are swapped: {picture} holds heights and {surface} holds colours.",
            "Exchange the two layers.",
        )


def _colours(dataset: Any) -> int:
    return sum(colour != ColorInterp.alpha for colour in dataset.colorinterp)


def _georeference(dataset: Any, item: RasterInput, label: str) -> tuple[CRS, Affine, tuple[GroundControlPoint, ...]]:
    """Return CRS, affine transform and ground control points (none if the transform is the file's own)."""
    gcps, gcp_crs = dataset.gcps
    transform = dataset.transform
    use_gcps = bool(gcps) and transform == Affine.identity()
    crs = dataset.crs if dataset.crs is not None and not use_gcps else (gcp_crs if use_gcps else None)
    if use_gcps and len(gcps) < 3:
        use_gcps = False
    if not use_gcps and transform == Affine.identity():
        raise RidgelineError(
            ErrorCode.NO_GEOREFERENCE,
            f"{capital(label)} has no georeference: nothing says where it lies.",
            "Georeference it first (for a photo with RPCs: orthorectify it), or bring its world file beside it.",
        )
    if item.crs is not None:
        crs = parse_crs(item.crs, label)
    if crs is None:
        raise RidgelineError(
            ErrorCode.NO_CRS,
            f"{capital(label)} has no CRS: its coordinates could be anywhere.",
            "State its CRS, or assign one in its layer properties.",
        )
    if use_gcps:
        transform = rasterio.transform.from_gcps(gcps)
        use_gcps = _bends(gcps)
    if not _makes_sense(transform):
        raise RidgelineError(
            ErrorCode.NO_GEOREFERENCE,
            f"{capital(label)} has a georeference that makes no sense: pixels without area, or beyond the Earth.",
            "Georeference it again.",
        )
    return horizontal(crs), transform, tuple(gcps) if use_gcps else ()


def _makes_sense(transform: Affine) -> bool:
    """Return whether pixels have an area, and whether they and the raster's corner lie within what any CRS can mean."""
    a, b, c, d, e, f = transform[:6]
    if not all(map(math.isfinite, (a, b, c, d, e, f))) or max(map(abs, (c, f))) > _FARTHEST:
        return False
    sides = math.hypot(a, d), math.hypot(b, e)
    flat = abs(transform.determinant) <= _FLATTEST * sides[0] * sides[1]
    return _SMALLEST <= min(sides) and max(sides) <= _FARTHEST and not flat


def _bends(gcps: list[GroundControlPoint]) -> bool:
    """Return whether GDAL can fit its polynomial to the points; points in only two rows allow an affine fit alone."""
    try:
        with GCPTransformer(gcps):
            return True
    except CPLE_BaseError:
        return False


def _nodata(
    dataset: Any, item: RasterInput, bands: tuple[int, ...], kind: Kind, label: str
) -> tuple[tuple[float | None, ...], str | None]:
    """Return the nodata value of each band, and a note where black is taken for one that the file does not declare."""
    if item.nodata is not None:
        return (item.nodata,) * len(bands), None
    declared = any(flags != [MaskFlags.all_valid] for flags in dataset.mask_flag_enums)
    if kind == "rgb" and not declared and has_black_collar(dataset, bands):
        return (0.0,) * len(bands), (
            f"{capital(label)} is black in a corner and does not say what is empty: its black pixels are left out. "
            "If they show something, state a nodata value that no pixel has (-1)."
        )
    return tuple(dataset.nodatavals[band - 1] for band in bands), None


def _height_factor(dataset: Any, item: RasterInput, band: int, label: str) -> tuple[float, str | None]:
    """Return the metres in one unit of height, and a note where it had to be assumed in a CRS of feet."""
    if item.vertical_unit is not None:
        if item.vertical_unit not in _UNITS:
            known = ", ".join(_UNITS)
            raise RidgelineError(
                ErrorCode.BAD_JOB,
                f"The unit {item.vertical_unit!r} of the heights of {label} is not known.",
                f"Choose one of: {known}.",
            )
        return _UNITS[item.vertical_unit], None
    unit = (dataset.units[band - 1] or "").strip().lower()
    if unit in _BAND_UNITS:
        return _BAND_UNITS[unit], None
    vertical = height_unit_of(CRS.from_user_input(item.crs) if item.crs is not None else dataset.crs)
    if vertical is not None:
        return vertical, None
    across = metres_per_unit(dataset.crs) if dataset.crs is not None else None
    if across is not None and abs(across - FOOT) < 1e-5:
        return 1.0, (
            f"{capital(label)} lies in a CRS of feet ({name_of(dataset.crs)}) but does not say the unit of its "
            "heights: metres are assumed; state the unit if they are feet."
        )
    return 1.0, None


def _read_dtype(dtypes: list[str], kind: Kind) -> str:
    if kind == "rgb" and len(set(dtypes)) == 1 and dtypes[0] in ("uint8", "uint16"):
        return dtypes[0]
    return "float32"


def _white(dataset: Any, band: int, dtypes: list[str]) -> float:
    """Return the value of white: by the bit depth the file states, else by its type; 255 for floats."""
    depth = dataset.tags(band, ns="IMAGE_STRUCTURE").get("NBITS")
    if depth is not None and depth.isdigit() and int(depth) < 32:
        return float(2 ** int(depth) - 1)
    dtype = np.dtype(dtypes[0])
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 255.0

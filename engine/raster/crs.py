"""Coordinate reference systems: parse, compare, and tell whether their metre is a metre on the ground."""

from __future__ import annotations

import math
import re

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as warp_transform

from ..jobs.errors import ErrorCode, RidgelineError
from .gdal_env import gdal_env

METRIC_TOLERANCE = 0.01
"""A CRS counts as metric on the ground if its scale there is within one percent of true, along both axes."""

FOOT = 0.3048
US_FOOT = 1200.0 / 3937.0

_WGS84_A, _WGS84_E2 = 6378137.0, 6.69437999014e-3
_PSEUDO_MERCATOR = ("popular_visualisation_pseudo_mercator", "mercator_auxiliary_sphere", "pseudo-mercator")
_GEOGRAPHIC = CRS.from_epsg(4326)


def parse_crs(text: str, what: str) -> CRS:
    """Return the CRS that ``text`` (authority code, WKT or PROJ string) names.

    Args:
        text: what the user stated.
        what: whose CRS it is, for the message ("the RGB 'ortho.tif'").

    Raises:
        RidgelineError: (BAD_CRS) if it is not understood.
    """
    try:
        with gdal_env():  # else GDAL says in its own words, too, what is wrong
            return horizontal(CRS.from_user_input(text))
    except (CRSError, ValueError, TypeError, LookupError, AttributeError) as fault:  # the last three: odd JSON
        raise RidgelineError(
            ErrorCode.BAD_CRS,
            f"The CRS {_short(text)!r} given for {what} is not known.",
            "Give an authority code such as EPSG:25832, or WKT.",
        ) from fault


def transform_points(
    crs: CRS, target: CRS, xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places of ``crs`` in ``target``: x and y [N] in its units; not finite where there is no way to it."""
    if crs == target:
        return xs, ys
    try:
        moved = warp_transform(crs, target, xs.tolist(), ys.tolist())
    except (CPLE_BaseError, RasterioError, ValueError):
        if len(xs) == 1:
            return np.array([np.inf]), np.array([np.inf])
        # one place out of reach fails them all
        halves = [slice(None, len(xs) // 2), slice(len(xs) // 2, None)]
        parts = [transform_points(crs, target, xs[half], ys[half]) for half in halves]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    return np.asarray(moved[0], np.float64), np.asarray(moved[1], np.float64)


def horizontal(crs: CRS) -> CRS:
    """Return ``crs`` without a vertical part, and by its code where only its name still says it.

    Writers that lose the definition leave a projection named "EPSG:2154" on an unknown datum; the name is then the
    better witness.
    """
    wkt = crs.to_wkt()
    if wkt.startswith(("COMPD_CS[", "COMPOUNDCRS[")):
        kinds = ("PROJCS[", "GEOGCS[", "LOCAL_CS[", "PROJCRS[", "GEOGCRS[", "ENGCRS[")
        wkt = _first_node(wkt, kinds) or wkt
        crs = CRS.from_wkt(wkt)
    named = re.match(r'PROJCS\["EPSG:(\d{4,5})"', wkt)
    if named and 'DATUM["un' in wkt:
        try:
            return CRS.from_epsg(int(named.group(1)))
        except CRSError:
            return crs
    return crs


def is_local(crs: CRS) -> bool:
    """Return whether ``crs`` is a local (engineering) one, of which nobody knows where on the Earth it lies."""
    return bool(crs.to_wkt().startswith("LOCAL_CS["))


def metres_per_unit(crs: CRS) -> float | None:
    """Return the length of the horizontal unit in metres; None for degrees."""
    if crs.is_geographic:
        return None
    unit = re.findall(r'UNIT\["[^"]*",([0-9.eE+-]+)', _without_geographic(crs.to_wkt()))
    return float(unit[-1]) if unit else 1.0


def is_metric_at(crs: CRS, x: float, y: float) -> bool:
    """Return whether one unit of ``crs`` is one metre on the ground at (x, y), up to METRIC_TOLERANCE.

    Web Mercator never is, not even at the equator: it has no true metres anywhere else. A local CRS in metres is taken
    at its word.
    """
    if crs.is_geographic or abs((metres_per_unit(crs) or 0.0) - 1.0) > 1e-6:
        return False
    wkt = crs.to_wkt().lower().replace(" ", "_")
    if any(name in wkt for name in _PSEUDO_MERCATOR) or crs.to_epsg() in (3857, 3785, 900913):
        return False
    if is_local(crs):
        return True
    step = 50.0
    xs, ys = np.array([x - step, x + step, x, x]), np.array([y, y, y - step, y + step])
    lon, lat = transform_points(crs, _GEOGRAPHIC, xs, ys)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return False
    across, along = _distance(lon[:2], lat[:2]), _distance(lon[2:], lat[2:])
    return all(abs(length / (2 * step) - 1.0) <= METRIC_TOLERANCE for length in (across, along))


def utm_of(lon: float, lat: float) -> CRS:
    """Return the UTM zone of a place on WGS 84 (polar stereographic beyond 84° north and 80° south)."""
    if lat > 84.0:
        return CRS.from_epsg(32661)
    if lat < -80.0:
        return CRS.from_epsg(32761)
    zone = int(((lon + 180.0) % 360.0) // 6.0) + 1
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def to_lonlat(crs: CRS, x: float, y: float) -> tuple[float, float] | None:
    """Return longitude and latitude of (x, y) in degrees on WGS 84, or None where the CRS has none there."""
    lon, lat = transform_points(crs, _GEOGRAPHIC, np.array([x]), np.array([y]))
    place = float(lon[0]), float(lat[0])
    return place if all(map(math.isfinite, place)) and abs(place[1]) <= 90.0 + 1e-6 else None


def height_unit_of(crs: CRS | None) -> float | None:
    """Return the metres in one unit of the vertical part of ``crs``; None if it has no vertical part."""
    if crs is None:
        return None
    wkt = crs.to_wkt()
    vertical = _first_node(wkt, ("VERT_CS[", "VERTCRS["))
    if vertical is None:
        return None
    unit = re.findall(r'(?:LENGTHUNIT|UNIT)\["[^"]*",([0-9.eE+-]+)', vertical)
    return float(unit[-1]) if unit else None


def name_of(crs: CRS) -> str:
    """Return a name for people: its code, else the name in its definition."""
    authority = crs.to_authority()
    if authority is not None:
        return ":".join(authority)
    named = re.match(r'\w+\["([^"]+)"', crs.to_wkt())
    return named.group(1) if named else "unnamed"


def _distance(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> float:
    """Length in metres of a short line between two places in degrees, on the WGS 84 ellipsoid."""
    mid = math.radians((lat[0] + lat[1]) / 2)
    flat = 1.0 - _WGS84_E2 * math.sin(mid) ** 2
    north = math.radians(lat[1] - lat[0]) * _WGS84_A * (1.0 - _WGS84_E2) / flat**1.5
    east = math.radians(lon[1] - lon[0]) * _WGS84_A * math.cos(mid) / math.sqrt(flat)
    return math.hypot(north, east)


def _first_node(wkt: str, starts: tuple[str, ...]) -> str | None:
    """Return the first WKT node that begins with one of ``starts``, brackets balanced (none in quotes matter)."""
    found = [position for position in (wkt.find(start) for start in starts) if position >= 0]
    if not found:
        return None
    begin, depth, quoted = min(found), 0, False
    for position in range(begin, len(wkt)):
        char = wkt[position]
        if char == '"':
            quoted = not quoted
        elif not quoted and char in "[]":
            depth += 1 if char == "[" else -1
            if depth == 0:
                return wkt[begin : position + 1]
    return None


def _without_geographic(wkt: str) -> str:
    node = _first_node(wkt, ("GEOGCS[",))
    return wkt.replace(node, "") if node and not wkt.startswith("GEOGCS[") else wkt


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."

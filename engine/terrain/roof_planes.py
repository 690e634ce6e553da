"""The planes of a roof, found by votes, so that what grows over it and stands on it does not count.

Around each pixel lies a small plane. A roof consists of few planes that many pixels lie on; a tree crown has a new one
at every place, or none. So the plane that most pixels agree with is taken, then the one that most of the rest agree
with, and so on, as long as they are worth it (a greedy, deterministic form of RANSAC: Fischler and Bolles 1981,
Communications of the ACM 24(6)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from .lattice import Bools, Floats, median

_REACH_M = 0.25
"""A pixel lies on a plane from which its height differs by less."""
_TURN = 0.35
"""... and whose rise per metre differs by less from that around the pixel."""
_SAMPLE = 500
"""So many pixels vote at most."""
_TRIALS = 24
_MOST_PLANES = 8
_LEAST_SHARE = 0.04
_ROUGHER, _ROUGHER_M = 1.5, 0.02
"""A plane whose pixels stray from it more than so many times, and metres, what they do on the largest is no roof."""


@dataclass(frozen=True)
class LocalPlanes:
    """A plane fitted around each pixel, float32 [H, W].

    Attributes:
        east: rise per metre to the east.
        south: rise per metre to the south.
        misfit: root mean square misfit, metres; infinite where there is no plane.
    """

    east: Floats
    south: Floats
    misfit: Floats


def local_planes(heights: Floats, inner: Bools, size: int, gsd: float) -> LocalPlanes:
    """Return least-squares planes over squares of ``size`` pixels, over those of ``inner`` only.

    Where less than two thirds of a square are known, or they lie in one line, the misfit is infinite.

    Args:
        heights: float32 [H, W], metres; anything where not ``inner``.
        inner: bool [H, W].
        size: an odd number, 3 or more.
        gsd: metres per pixel.
    """
    rows, cols = heights.shape
    z = np.where(inner, heights, 0).astype(np.float64)
    z -= z.sum() / max(int(inner.sum()), 1) * inner  # near zero, squares keep their digits
    w = inner.astype(np.float64)
    x, y = np.arange(cols) - cols / 2, (np.arange(rows) - rows / 2)[:, None]
    wx, wy = w * x, w * y
    half = size // 2
    stack = np.zeros((10, rows + 2 * half, cols + 2 * half))
    for plane, item in zip(stack, (w, wx, wy, wx * x, wy * y, wx * y, z, z * x, z * y, z * z)):
        plane[half : half + rows, half : half + cols] = item
    sums = _windowed(_windowed(stack, size, 1), size, 2)
    # places in the flattened array are found and read in a third of the time that two indices or a mask take
    fits = np.flatnonzero(inner & (sums[0] >= 2 / 3 * size * size))
    n, sx, sy, sxx, syy, sxy, sz, sxz, syz, szz = sums.reshape(len(sums), -1).take(fits, axis=1)
    cxx, cyy, cxy = sxx - sx * sx / n, syy - sy * sy / n, sxy - sx * sy / n
    cxz, cyz, czz = sxz - sx * sz / n, syz - sy * sz / n, szz - sz * sz / n
    det = cxx * cyy - cxy * cxy
    line = det <= 1e-6
    det[line] = 1
    east, south = (cxz * cyy - cyz * cxy) / det, (cyz * cxx - cxz * cxy) / det
    left = np.sqrt(np.maximum(czz - east * cxz - south * cyz, 0) / n)
    parts = (east / gsd, 0.0), (south / gsd, 0.0), (left, np.inf)
    planes = [np.full(heights.shape, blank, dtype=np.float32) for _, blank in parts]
    for plane, (values, blank) in zip(planes, parts):
        values[line] = blank
        plane.put(fits, values)
    return LocalPlanes(*planes)


def _windowed(stack: npt.NDArray[np.float64], size: int, axis: int) -> npt.NDArray[np.float64]:
    """Return sums of ``size`` neighbours along an axis, which gets ``size`` - 1 shorter."""
    moved = np.moveaxis(stack, axis, 0)
    count = len(moved) - size + 1
    out: npt.NDArray[np.float64] = moved[:count] + moved[1 : count + 1]
    for shift in range(2, size):
        out += moved[shift : shift + count]
    return np.moveaxis(out, 0, axis)


@dataclass(frozen=True)
class SharedPlanes:
    """The planes of a roof.

    Attributes:
        mask: bool [H, W], the pixels that lie on one of them.
        planes: float64 [3, k]: rise per metre to the east, to the south, height at the middle of the first pixel.
    """

    mask: Bools
    planes: npt.NDArray[np.float64]

    def lowest(self, rows: npt.NDArray[np.intp], cols: npt.NDArray[np.intp], gsd: float) -> npt.NDArray[np.float64]:
        """Return the height, in metres, that these pixels have on a roof which is the lowest of its planes everywhere.

        So are gables, hips, sheds and pyramids; others are higher than that.
        """
        heights: npt.NDArray[np.float64] = (
            np.outer(self.planes[0], cols * gsd) + np.outer(self.planes[1], rows * gsd) + self.planes[2][:, None]
        ).min(axis=0)
        return heights


def shared_planes(heights: Floats, smooth: Bools, planes: LocalPlanes, gsd: float) -> SharedPlanes:
    """Return the planes that many of the smooth pixels share; there may be none.

    Args:
        heights: float32 [H, W], metres.
        smooth: bool [H, W], pixels that a small plane fits.
        planes: those small planes.
        gsd: metres per pixel.
    """
    places = np.flatnonzero(smooth)
    rows, cols = np.divmod(places, smooth.shape[1])
    pixels = np.stack(
        [cols * gsd, rows * gsd, heights.take(places), planes.east.take(places), planes.south.take(places)]
    )
    on_any = np.zeros(len(places), dtype=bool)
    step = max(1, len(places) // _SAMPLE)
    voters, rough = pixels[:, ::step], planes.misfit.take(places[::step])
    left = np.ones(voters.shape[1], dtype=bool)
    roughest = np.inf
    taken = []
    for _ in range(_MOST_PLANES):
        plane = _most_voted(voters, left)
        agree = left & _agree(voters, plane[:, None]) if plane is not None else ~left
        if plane is None or np.count_nonzero(agree) < _LEAST_SHARE * len(agree):
            break
        left &= ~agree
        typical = median(rough[agree])
        if typical <= roughest:
            on_any |= _agree(pixels, plane[:, None])
            taken.append(plane)
            roughest = min(roughest, _ROUGHER * typical + _ROUGHER_M)
    mask = np.zeros(smooth.shape, dtype=bool)
    mask.put(places[on_any], True)
    return SharedPlanes(mask, np.array(taken).reshape(-1, 3).T)


def _most_voted(voters: npt.NDArray[np.float64], left: Bools) -> npt.NDArray[np.float64] | None:
    """Return the plane (rise east, rise south, height at the origin) that most of the voters left agree with."""
    rest = voters[:, left]
    count = rest.shape[1]
    if count < 3:
        return None
    chosen = rest[:, _evenly(count)]
    x, y, z, east, south = chosen
    trials = np.stack([east, south, z - east * x - south * y])
    plane = trials[:, int(np.argmax(_agree(rest, trials[:, :, None]).sum(axis=1)))]
    for _ in range(2):  # least squares over those that agree
        mine = rest[:, _agree(rest, plane[:, None])]
        if mine.shape[1] < 6:
            break
        middle = mine[:3].mean(axis=1)
        dx, dy, dz = mine[:3] - middle[:, None]
        xx, xy, yy = dx @ dx, dx @ dy, dy @ dy
        det = xx * yy - xy * xy
        if det <= 1e-6 * xx * yy:
            break
        xz, yz = dx @ dz, dy @ dz
        east, south = (xz * yy - yz * xy) / det, (yz * xx - xz * xy) / det
        plane = np.array([east, south, middle[2] - east * middle[0] - south * middle[1]])
    return plane


@cache
def _evenly(count: int) -> npt.NDArray[np.intp]:
    """Return the numbers of at most ``_TRIALS`` of so many things, evenly spread."""
    return np.unique(np.linspace(0, count - 1, _TRIALS).astype(np.intp))


def _agree(pixels: npt.NDArray[np.float64], plane: npt.NDArray[np.float64]) -> Bools:
    """Return which pixels lie on planes: [k, n] for planes [3, k, 1], [n] for one of [3, 1]."""
    x, y, z, east, south = pixels
    off = plane[0] * x  # one array for all steps: making new ones takes as long as filling them
    np.subtract(z, off, out=off)
    off -= plane[1] * y
    off -= plane[2]
    agree: Bools = np.abs(off, out=off) < _REACH_M
    for own, shared in ((east, plane[0]), (south, plane[1])):
        np.subtract(own, shared, out=off)
        agree &= np.abs(off, out=off) < _TURN
    return agree

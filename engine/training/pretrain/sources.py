"""Where chips come from: pairs of rasters on disk, or synthetic scenes. Chip n is the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...given import given
from ...jobs import ErrorCode, RasterInput, RidgelineError
from ...raster.aligned import AlignedRaster, open_aligned
from ...raster.frame import Frame, plan_frame
from ...raster.picture import to_full_scale
from ...scenes.chip import SceneConfig, make_chip
from .surface_norm import SurfaceNorm

_TRIES = 50


@dataclass(frozen=True)
class RawChip:
    """A chip before augmentation.

    Attributes:
        rgb: float32 [3, H, W], 0 to 255.
        dsm: float32 [C, H, W], normalised.
        rgb_valid: bool [H, W].
        dsm_valid: bool [H, W].
    """

    rgb: NDArray[np.float32]
    dsm: NDArray[np.float32]
    rgb_valid: NDArray[np.bool_]
    dsm_valid: NDArray[np.bool_]


class ChipSource(Protocol):
    """What pretraining reads."""

    def __len__(self) -> int:
        """Chips that cover the source about once."""
        ...

    def chip(self, rng: np.random.Generator) -> RawChip:
        """Return a random chip."""
        ...


class RasterChips:
    """Chips at random places of raster pairs, places weighed by area.

    Rasters are opened on first use, so that each worker process has handles of its own.

    Args:
        pairs: paths of RGB and DSM.
        size: side of a chip in pixels.
        gsd: metres per pixel.
        norm: normalisation of the surface.
        min_valid: share of pixels that must have data in both.

    Raises:
        RidgelineError: as `raster.frame.plan_frame`, for any pair.
    """

    def __init__(
        self, pairs: Sequence[tuple[Path, Path]], size: int, gsd: float, norm: SurfaceNorm, min_valid: float
    ) -> None:
        self._size, self._norm, self._min_valid = size, norm, min_valid
        self._frames: list[Frame] = []
        for rgb, dsm in pairs:
            frame = plan_frame(RasterInput(str(rgb)), RasterInput(str(dsm)), None, gsd)
            if min(frame.grid.shape) < size:
                raise RidgelineError(
                    ErrorCode.BAD_REGION,
                    f"{rgb.name!r} and {dsm.name!r} share {frame.grid.width} × {frame.grid.height} pixels "
                    f"of {gsd:g} m, less than one chip of {size}.",
                    "Leave the pair out, or choose a smaller GSD or chip.",
                )
            self._frames.append(frame)
        places = np.array([float(f.grid.width) * f.grid.height for f in self._frames])
        self._weights = places / places.sum()
        self._count = max(1, round(float(places.sum()) / size**2))
        self._open: dict[int, tuple[AlignedRaster, AlignedRaster]] = {}

    def __len__(self) -> int:
        """Chips that cover the rasters about once."""
        return self._count

    def __getstate__(self) -> dict[str, object]:
        """Leave open rasters behind when a worker process is started."""
        return {**self.__dict__, "_open": {}}

    def chip(self, rng: np.random.Generator) -> RawChip:
        """Return a random chip with enough data.

        Raises:
            RidgelineError: (BAD_REGION) if fifty places in a row have too little.
        """
        for _ in range(_TRIES):
            number = int(rng.choice(len(self._frames), p=self._weights))
            grid = self._frames[number].grid
            row = grid.row0 + int(rng.integers(grid.height - self._size + 1))
            col = grid.col0 + int(rng.integers(grid.width - self._size + 1))
            found = self._read(number, row, col)
            if float((found.rgb_valid & found.dsm_valid).mean()) >= self._min_valid:
                return found
        raise RidgelineError(
            ErrorCode.BAD_REGION,
            f"Of {_TRIES} places in the rasters none has data on {self._min_valid:.0%} of its pixels in both.",
            "Check nodata values, or lower min_valid.",
        )

    def _read(self, number: int, row: int, col: int) -> RawChip:
        if number not in self._open:
            frame = self._frames[number]
            self._open[number] = (  # the frame was planned with both
                open_aligned(given(frame.rgb), "rgb", frame.grid, threads=1),
                open_aligned(given(frame.dsm), "dsm", frame.grid, threads=1),
            )
        rgb_raster, dsm_raster = self._open[number]
        window = self._frames[number].grid.window(row, col, self._size, self._size)
        rgb = rgb_raster.read(window)
        margin = self._norm.context(window.gsd)
        wide = window.padded(margin)
        dsm = dsm_raster.read(wide)
        channels = self._norm.apply(dsm.values[0], dsm.valid, window.gsd, wide.col0, wide.row0)
        inner = np.s_[..., margin : margin + self._size, margin : margin + self._size]
        picture = to_full_scale(rgb.values, rgb_raster.source.white, 255.0)
        return RawChip(picture, channels[inner], rgb.valid, dsm.valid[inner])


class SceneChips:
    """Chips of synthetic scenes, drawn from a fixed number of them.

    Args:
        count: number of scenes.
        size: side of a chip in pixels.
        gsd: metres per pixel.
        norm: normalisation of the surface.
        seed: of the scenes.
    """

    def __init__(self, count: int, size: int, gsd: float, norm: SurfaceNorm, seed: int = 0) -> None:
        margin = norm.context(gsd)
        self._config = SceneConfig(size=size, margin=margin, gsd=(gsd, gsd), registered=1.0)
        self._count, self._norm, self._seed, self._margin = count, norm, seed, margin
        self._kept: dict[int, RawChip] = {}

    def __len__(self) -> int:
        """Number of scenes."""
        return self._count

    def chip(self, rng: np.random.Generator) -> RawChip:
        """Return one of the scenes; made on first use and kept."""
        return self.scene(int(rng.integers(self._count)))

    def scene(self, index: int) -> RawChip:
        """Return scene number ``index``."""
        if index not in self._kept:
            scene = make_chip(self._seed, index, self._config)
            valid = np.isfinite(scene.surface)
            surface = np.where(valid, scene.surface, 0.0).astype(np.float32)
            channels = self._norm.apply(surface, valid, float(self._config.gsd[0]), 0, 0)
            inner = np.s_[
                ..., self._margin : self._margin + self._config.size, self._margin : self._margin + self._config.size
            ]
            everywhere = np.ones(scene.rgb.shape[-2:], np.bool_)
            self._kept[index] = RawChip(scene.rgb.astype(np.float32), channels[inner], everywhere, valid[inner])
        return self._kept[index]

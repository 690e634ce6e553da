"""Looks at the inputs before any work is done: refuses what cannot give a result, says what will give a poor one.

Looking is cheap on rasters of any size: a small one is read, of a large one some windows spread over it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..jobs.errors import ErrorCode, RidgelineError
from ..models.package.spec import GsdSpec
from .frame import Frame
from .grid import Grid
from .ground import Note, ground_gsd
from .native import NativeReader
from .source import Source
from .warp import Warper, Window, pixels_across
from .wording import capital, metres

_READ_WHOLE = 4_000_000  # pixels; larger rasters are sampled
_SAMPLES, _SAMPLE_SIZE = 5, 192  # windows along each side, and their size
_BLOCK = 256  # blocks of files are as large, or larger by whole numbers
_SEARCH = 64_000_000  # pixels searched for a valid one where the sample has none
_COLOURS_OF = 250_000  # so many pixels tell of a picture's colours
_GREY, _GREY_SHARE = 3.0, 0.99  # of 255: bands that differ by no more, in so much of a picture, have no colours
_DARK = 38.0  # of 255: darker pixels have no certain colour
_PINK_SHARE = 0.12  # of the real pictures at hand none has more than 0.06; made false colours have 0.15 and more
_ALIKE = 0.7  # correlation of red and green
_COARSE_FACTOR = 4.0  # a raster this much coarser than the model's coarsest GSD shows it nothing


def check_gsd(gsd: float, accepted: GsdSpec) -> None:
    """Refuse a GSD that the model was not made for.

    Raises:
        RidgelineError: (GSD_OUT_OF_RANGE).
    """
    if not accepted.min <= gsd <= accepted.max:
        raise RidgelineError(
            ErrorCode.GSD_OUT_OF_RANGE,
            f"Pixels of {gsd:g} m lie outside the model's range of {accepted.min:g} to {accepted.max:g} m.",
            f"Choose a pixel size inside it; the model was trained at {accepted.trained:g} m.",
        )


def wanted_gsd(asked: float | None, accepted: GsdSpec) -> float | GsdSpec:
    """Return the GSD that was asked for, or the model's, which chooses by the rasters (see `plan_frame`).

    Raises:
        RidgelineError: (GSD_OUT_OF_RANGE) if the model was not made for what was asked for.
    """
    if asked is None:
        return accepted
    check_gsd(asked, accepted)
    return asked


def check_inputs(frame: Frame, accepted: GsdSpec) -> list[Note]:
    """Check GSD, resolutions and contents of all inputs of a run; return what the user should know.

    Raises:
        RidgelineError: GSD_OUT_OF_RANGE, BAD_SURFACE, NO_OVERLAP (a picture without a valid pixel), INPUT_UNREADABLE.
    """
    check_gsd(frame.grid.gsd, accepted)
    notes = []
    for source in (frame.rgb, frame.dsm):
        if source is not None:
            notes += check_resolution(source, accepted)
            notes += check_surface(source, frame.grid) if source.kind == "dsm" else check_picture(source, frame.grid)
    return notes


def check_resolution(source: Source, accepted: GsdSpec) -> list[Note]:
    """Refuse a raster far too coarse for the model, and warn of one that is too coarse.

    Raises:
        RidgelineError: (GSD_OUT_OF_RANGE).
    """
    own = ground_gsd(source)
    if own > accepted.max * _COARSE_FACTOR:
        raise RidgelineError(
            ErrorCode.GSD_OUT_OF_RANGE,
            f"{capital(source.label)} has pixels of {metres(own)}; the model needs {accepted.max:g} m or finer.",
            "Choose a finer raster, or a model for this resolution.",
        )
    if own > accepted.max * 1.05:
        message = (
            f"{capital(source.label)} has pixels of {metres(own)}, coarser than the model's {accepted.max:g} m: "
            "expect poor results."
        )
        return [Note("coarse_input", message)]
    return []


def check_surface(source: Source, grid: Grid) -> list[Note]:
    """Refuse a DSM that holds no usable heights where the run works, and warn of doubtful ones.

    Raises:
        RidgelineError: (BAD_SURFACE) if it is all nodata, constant, or looks like an 8-bit picture.
    """
    label = capital(source.label)
    if source.file_dtypes[0] == "uint8":
        raise _bad_surface(f"{label} looks like an 8-bit picture, such as a hillshade: its values are 0 to 255.")
    heights, whole = _sample(source, grid)
    if not heights.size:
        if not whole:
            return [_unseen(source)]
        raise _bad_surface(f"{label} has no heights where the run works: all of it is nodata.")
    low, high = float(heights.min()), float(heights.max())
    if low == high and whole:
        raise _bad_surface(f"{label} is constant: every height is {low:g} m.")
    raw = heights.astype(np.float64) / source.height_factor
    integers = bool((np.abs(raw - np.round(raw)) < 1e-4).all())
    if integers and raw.min() >= -1e-4 and raw.max() <= 255 + 1e-4 and low != high:
        raise _bad_surface(f"{label} looks like an 8-bit picture: its values are whole numbers from 0 to 255.")
    if integers:
        return [Note("whole_heights", f"{label} holds whole metres only: roofs cannot be told apart by such heights.")]
    if low >= 0.0 and high <= 1.0:
        return [Note("flat_surface", f"{label} holds heights between 0 and 1 only: check that they are metres.")]
    return []


def check_picture(source: Source, grid: Grid) -> list[Note]:
    """Refuse a picture without a valid pixel where the run works, and warn of a doubtful scale.

    Raises:
        RidgelineError: (NO_OVERLAP) if all of it is nodata there.
    """
    label = capital(source.label)
    values, whole = _sample(source, grid)
    if not values.size:
        if not whole:
            return [_unseen(source)]
        raise RidgelineError(
            ErrorCode.NO_OVERLAP,
            f"{label} shows nothing where the run works: all of it is nodata or transparent.",
            "Choose another raster or region, or state its nodata value.",
        )
    notes = []
    most = float(values.max())
    if source.white > 255 and most < source.white / 8:
        depth = int(np.ceil(np.log2(max(most, 1.0) + 1)))
        message = (
            f"{label} is very dark: its brightest value is {most:g} of {source.white:g}. If it holds {depth} bits, "
            f"say so in its metadata (NBITS={depth})."
        )
        notes.append(Note("dark_picture", message))
    if source.dtype == "float32" and most <= 1.5:
        message = f"{label} holds values up to {most:.3g}, but floating-point pictures are read as 0 to 255."
        notes.append(Note("dark_picture", message))
    if source.white == 255 and all(item == 255 for item in source.nodata):
        message = (
            f"{label} states 255 as nodata, which is also white: white roofs are left out. "
            "State another nodata value (-1 for none) if it has no empty parts."
        )
        notes.append(Note("white_is_nodata", message))
    return notes or _check_colours(values, source)  # colours of a wrong scale say nothing


def _check_colours(values: NDArray[Any], source: Source) -> list[Note]:
    """Warn of pictures in false colour and in black and white: models know natural colours best."""
    if len(values) < 3:
        return []
    some = values[:3, :: max(1, values.shape[1] // _COLOURS_OF)]
    red, green, blue = some.astype(np.float32) * np.float32(255 / source.white)
    label = capital(source.label)
    if np.mean(np.maximum(np.abs(red - green), np.abs(green - blue)) <= _GREY) >= _GREY_SHARE:
        message = (
            f"{label} is black and white: land cover can hardly be told from it, and without a surface model fewer "
            "buildings are found."
        )
        return [Note("grey_picture", message)]
    # plants are bright in near infrared and alike in red and green, so they come out red or pink, as little else does
    pink = (red > 1.3 * green) & (blue >= 0.95 * green) & (red > _DARK)
    if pink.mean() > _PINK_SHARE and _alike(green, blue):
        message = (
            f"{label} seems to be in false colour, with near infrared as red: what stands on the ground is then often "
            "mistaken. If it has the bands, choose red, green and blue."
        )
        return [Note("false_colour", message)]
    return []


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Return whether two bands rise and fall together, as red and green do where there are no flowers."""
    return bool(one.std() > 0 and other.std() > 0 and np.corrcoef(one, other)[0, 1] > _ALIKE)


def _sample(source: Source, grid: Grid) -> tuple[NDArray[Any], bool]:
    """Return valid values [C, n] of the part of a raster under ``grid``, and whether all of that part was read."""
    found = Warper(source, grid.crs, grid.gsd, pixels_across(source, grid.crs, grid.gsd)).source_window(grid)
    if found is None:
        return np.empty((len(source.bands), 0)), True
    part, whole = found[0], found[0].pixels <= _READ_WHOLE
    reader = NativeReader(source)
    try:
        pieces = _strips(part, _READ_WHOLE) if whole else _spread(part)
        values = _valid_values(reader, pieces)
        if not values.size and not whole:
            for strip in _strips(part, _READ_WHOLE, _SEARCH):
                values = _valid_values(reader, iter([strip]))
                if values.size:
                    break
            whole = part.pixels <= _SEARCH
        return values, whole
    finally:
        reader.close()


def _valid_values(reader: NativeReader, windows: Iterator[Window]) -> NDArray[Any]:
    parts = []
    for window in windows:
        values, valid = reader.read(window.row0, window.col0, window.height, window.width)
        parts.append(values[:, valid])
    return np.concatenate(parts, axis=1)


def _strips(part: Window, pixels: int, most: int | None = None) -> Iterator[Window]:
    rows = max(1, pixels // part.width)
    last = part.height if most is None else min(part.height, -(-most // part.width))
    for row in range(0, last, rows):
        yield Window(part.row0 + row, part.col0, min(rows, part.height - row), part.width)


def _spread(part: Window) -> Iterator[Window]:
    height, width = min(_SAMPLE_SIZE, part.height), min(_SAMPLE_SIZE, part.width)
    for row in _places(part.row0, part.height - height):
        for col in _places(part.col0, part.width - width):
            yield Window(row, col, height, width)


def _places(first: int, spare: int) -> list[int]:
    """Return where samples begin, evenly spread; where there is room, none lies across two blocks of the file."""
    places = first + np.linspace(0, spare, _SAMPLES).astype(int)
    return [int(place) for place in np.maximum(places // _BLOCK * _BLOCK, first)]


def _unseen(source: Source) -> Note:
    return Note("no_data_seen", f"{capital(source.label)} showed no valid pixel in a first look; it may be empty.")


def _bad_surface(message: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_SURFACE, message, "Choose a raster of heights in metres or feet.")

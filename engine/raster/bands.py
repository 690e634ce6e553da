"""Which bands of a raster are its colours, and which one its heights."""

from __future__ import annotations

from typing import Any

from rasterio.enums import ColorInterp

from ..jobs.errors import ErrorCode, RidgelineError
from .wording import capital

_COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_COLOUR_NAMES = (("red", "r"), ("green", "g"), ("blue", "b"))


def choose_bands(
    dataset: Any, kind: str, stated: tuple[int, ...], label: str, count: int
) -> tuple[tuple[int, ...], str | None]:
    """Return the bands to read, counted from 1 in the model's order, and a note if they were guessed.

    Stated bands are taken as they are. Else colours are found by colour interpretation, then by the bands' names, then
    by their order; a surface is the only band (or the first of several that are not colours).

    Args:
        dataset: an open rasterio dataset.
        kind: ``rgb`` or ``dsm``.
        stated: bands that the user named; empty: guess.
        label: the raster's name for messages.
        count: how many bands the model takes.

    Raises:
        RidgelineError: (BAD_BANDS) if a band does not exist or there are too few.
    """
    if stated:
        missing = [band for band in stated if not 1 <= band <= dataset.count]
        if missing:
            raise RidgelineError(
                ErrorCode.BAD_BANDS,
                f"{capital(label)} has no band {missing[0]}: it has {_plural(dataset.count)}.",
                "Choose among the bands that the raster has.",
            )
        if len(stated) != count:
            raise RidgelineError(
                ErrorCode.BAD_BANDS,
                f"{capital(label)} is given with {_plural(len(stated))}, but the model takes {count}.",
                f"Name {_plural(count)}.",
            )
        return stated, None
    colours = dataset.colorinterp
    plain = [index for index, colour in zip(dataset.indexes, colours) if colour != ColorInterp.alpha]
    return _surface_band(dataset, plain, label) if kind == "dsm" else _colour_bands(dataset, plain, label, count)


def _colour_bands(dataset: Any, plain: list[int], label: str, count: int) -> tuple[tuple[int, ...], str | None]:
    colours = list(dataset.colorinterp)
    if count == 3 and all(colours.count(colour) == 1 for colour in _COLOURS):
        return tuple(colours.index(colour) + 1 for colour in _COLOURS), None
    names = [(name or "").strip().lower() for name in dataset.descriptions]
    found = [next((i + 1 for i, name in enumerate(names) if name in known), 0) for known in _COLOUR_NAMES]
    if count == 3 and all(found):
        return tuple(found), None
    if len(plain) < count:
        palette = ColorInterp.palette in colours
        raise RidgelineError(
            ErrorCode.BAD_BANDS,
            f"{capital(label)} has {_plural(len(plain))}{' with a colour table' if palette else ''}, "
            f"but the model takes {count} colour bands.",
            "Convert it to red, green and blue bands first."
            if palette
            else "Choose a raster with red, green and blue bands, or name one band three times.",
        )
    chosen = tuple(plain[:count])
    if len(plain) == count and ColorInterp.red not in colours:
        return chosen, None
    listed = ", ".join(map(str, chosen))
    return chosen, f"{label} does not say which bands are its colours: bands {listed} are taken, in this order."


def _surface_band(dataset: Any, plain: list[int], label: str) -> tuple[tuple[int, ...], str | None]:
    colours = [colour for colour in dataset.colorinterp if colour in _COLOURS]
    if not plain or len(set(colours)) == 3 or ColorInterp.palette in dataset.colorinterp:
        raise RidgelineError(
            ErrorCode.BAD_BANDS,
            f"{capital(label)} is a colour picture, not a surface of heights.",
            "Choose a raster with one band of heights in metres or feet; check that RGB and DSM are not swapped.",
        )
    note = None
    if len(plain) > 1:
        note = f"{label} has {_plural(len(plain))}: heights are read from band {plain[0]}."
    return (plain[0],), note


def _plural(count: int) -> str:
    return "1 band" if count == 1 else f"{count} bands"

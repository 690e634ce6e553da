"""Colours for the classes of networks that bring none: by the meaning of the name where it is known, else apart."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

_BY_WORD = {
    "background": "#d9d9d9",
    "building": "#c0392b",
    "roof": "#c0392b",
    "house": "#c0392b",
    "road": "#7f8c8d",
    "impervious": "#bdc3c7",
    "paved": "#bdc3c7",
    "water": "#2e86c1",
    "river": "#2e86c1",
    "tree": "#1e8449",
    "forest": "#1e8449",
    "wood": "#1e8449",
    "grass": "#82e0aa",
    "vegetation": "#82e0aa",
    "field": "#d4ac0d",
    "crop": "#d4ac0d",
    "soil": "#a0785a",
    "bare": "#a0785a",
    "car": "#f1c40f",
    "solar": "#1f2a8a",
    "snow": "#f4f6f7",
}
_GOLDEN_ANGLE = 0.618033988749895  # of a turn: hues that follow each other lie far apart, however many there are


def class_colours(names: Sequence[str]) -> list[str]:
    """Return one colour ``#rrggbb`` a class, no two alike."""
    colours: list[str] = []
    hue = 0.6
    for name in names:
        lower = name.lower()
        colour = next((value for word, value in _BY_WORD.items() if word in lower), None)
        step = 0
        while colour is None or colour in colours:
            hue = (hue + _GOLDEN_ANGLE) % 1
            parts = colorsys.hsv_to_rgb(hue, 0.65 if step % 2 == 0 else 0.45, 0.85 - 0.05 * (step % 8))
            colour = "#{:02x}{:02x}{:02x}".format(*(round(255 * part) for part in parts))
            step += 1
        colours.append(colour)
    return colours

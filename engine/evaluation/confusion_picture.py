"""A confusion matrix as a picture (SVG, which needs no library): rows are the truth, columns what was found."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

_CELL, _FONT = 56, 12
_MOST_LETTERS = 24


def confusion_svg(names: Sequence[str], matrix: NDArray[np.integer], title: str) -> str:
    """Return the picture as text.

    Each cell says which share of a true class was found as what; the darker, the more.

    Args:
        names: of the classes, in the matrix's order.
        matrix: counts [classes, classes], rows are the truth.
        title: what is shown.
    """
    rows = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, rows, out=np.zeros(matrix.shape), where=rows > 0)
    labels = [name if len(name) <= _MOST_LETTERS else name[: _MOST_LETTERS - 1] + "…" for name in names]
    left = 40 + 7 * max(len(label) for label in labels)
    top = left + 30
    width, height = max(left + _CELL * len(names), 9 * len(title)) + 20, top + _CELL * len(names) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="{_FONT}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<text x="10" y="{top - 8}" fill="#555555">truth ↓ found →</text>',
    ]
    for i, label in enumerate(labels):
        middle = i * _CELL + _CELL / 2
        parts.append(f'<text x="{left - 8}" y="{top + middle + 4}" text-anchor="end">{escape(label)}</text>')
        x = left + middle + 4
        parts.append(f'<text transform="translate({x},{top - 8}) rotate(-90)">{escape(label)}</text>')
        for j in range(len(names)):
            share, there = float(shares[i, j]), bool(rows[i, 0])
            ink = "#ffffff" if share > 0.55 else "#222222"
            x, y = left + j * _CELL, top + i * _CELL
            text = f"{100 * share:.0f} %" if there else "–"
            tip = f"{names[i]} found as {names[j]}: {int(matrix[i, j])} pixels"
            parts.append(
                f'<g><title>{escape(tip)}</title><rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" '
                f'fill="{_blue(share)}"/><text x="{x + _CELL / 2 - 1}" y="{y + _CELL / 2 + 4}" text-anchor="middle" '
                f'fill="{ink}">{text}</text></g>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _blue(share: float) -> str:
    """From a pale grey to a dark blue."""
    light, dark = (238, 242, 246), (8, 48, 107)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(light, dark))

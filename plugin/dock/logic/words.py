"""Numbers as people say them: lengths, areas, durations, sizes, in the user's locale; no line breaks before a unit."""

from pathlib import Path

from qgis.PyQt.QtCore import QLocale

from ...i18n import tr


def number(value: float, decimals: int = 0) -> str:
    """Return ``value`` with the user's decimal mark and group separator."""
    return str(QLocale().toString(float(value), "f", decimals))


def length(metres: float) -> str:
    """Return a length in m or km."""
    if metres >= 10_000:
        return tr("{n}\u00a0km", n=number(metres / 1000, 1))
    return tr("{n}\u00a0m", n=number(metres, 0 if metres >= 10 else 1))


def area(square_metres: float) -> str:
    """Return an area in m², ha or km²."""
    if square_metres >= 1e6:
        return tr("{n}\u00a0km²", n=number(square_metres / 1e6, 1 if square_metres < 1e8 else 0))
    if square_metres >= 1e4:
        return tr("{n}\u00a0ha", n=number(square_metres / 1e4, 1 if square_metres < 1e5 else 0))
    return tr("{n}\u00a0m²", n=number(square_metres))


def duration(seconds: float) -> str:
    """Return a duration roundly: seconds up to a minute and a half, then minutes, then hours."""
    if seconds < 90:
        return tr("{n}\u00a0s", n=number(max(1, round(seconds))))
    if seconds < 5400:
        return tr("{n}\u00a0min", n=number(round(seconds / 60)))
    return tr("{h}\u00a0h {m}\u00a0min", h=number(seconds // 3600), m=number(seconds % 3600 // 60))


def size(byte_count: float) -> str:
    """Return a file size in kB, MB or GB."""
    for unit, factor in ((tr("GB"), 1e9), (tr("MB"), 1e6)):
        if byte_count >= factor:
            return f"{number(byte_count / factor, 1 if byte_count < 10 * factor else 0)}\u00a0{unit}"
    return f"{number(max(1, round(byte_count / 1e3)))}\u00a0{tr('kB')}"


def metres_per_pixel(gsd: float) -> str:
    """Return a ground sampling distance in cm or m."""
    if gsd < 1:
        return tr("{n}\u00a0cm", n=number(gsd * 100, 0 if abs(gsd * 100 - round(gsd * 100)) < 0.05 else 1))
    return tr("{n}\u00a0m", n=number(gsd, 0 if abs(gsd - round(gsd)) < 0.005 else 2))


def path(place: Path) -> str:
    """Return a path as people read it: their own folder is ``~``."""
    home = Path.home()
    return str(Path("~") / place.relative_to(home)) if home in place.parents else str(place)

"""The measured speed of this machine: how long runs took, kept in QGIS's settings for the next forecast."""

from dataclasses import dataclass
from typing import Optional

from qgis.core import QgsSettings

GROUP = "ridgeline/speed"


@dataclass(frozen=True)
class Speed:
    """Seconds that one tile takes, and seconds before the first and after the last one."""

    tile_s: float
    fixed_s: float

    def seconds(self, tiles: float) -> float:
        """Return the expected duration of a run over as much as so many whole tiles."""
        return self.fixed_s + self.tile_s * tiles


def key_of(model: str, inputs: str, device: str) -> str:
    """Return the settings key of a kind of run: its model, inputs (``rgb+dsm``, ``rgb``, ``dsm``) and device."""
    safe = "".join(char if char.isalnum() or char in "+-_." else "_" for char in model)
    return f"{GROUP}/{safe}/{inputs}/{device}"


def remember(key: str, tiles: float, tiles_s: float, total_s: float) -> Optional[Speed]:
    """Keep the speed of a finished run, half from it and half from those before; return what is now known.

    Tiles are whole ones: of those that reach beyond the rasters, parts (`forecast.computed_share`). A run of no tiles,
    or one that took no time (all of it was resumed), teaches nothing.
    """
    if tiles <= 0 or tiles_s <= 0 or total_s < tiles_s:
        return recall(key)
    measured = Speed(tiles_s / tiles, total_s - tiles_s)
    before = recall(key)
    if before is not None:
        measured = Speed((measured.tile_s + before.tile_s) / 2, (measured.fixed_s + before.fixed_s) / 2)
    QgsSettings().setValue(key, f"{measured.tile_s:.6g} {measured.fixed_s:.6g}")
    return measured


def recall(key: str) -> Optional[Speed]:
    """Return what is known of such runs, None if there was none yet."""
    parts = str(QgsSettings().value(key, "")).split()
    try:
        return Speed(float(parts[0]), float(parts[1])) if len(parts) == 2 else None
    except ValueError:
        return None

"""Which RGB goes with which DSM: folders are matched by name, lists line by line."""

from __future__ import annotations

import re
from pathlib import Path

from ...jobs import ErrorCode, RidgelineError

SUFFIXES = (".tif", ".tiff", ".vrt", ".jp2", ".img", ".asc", ".png", ".jpg")
_WORDS = re.compile(
    r"(?:^|[_\-. ])(?:rgb|rgbi|ortho|orthophoto|dop|image|img|dsm|ndsm|dom|ndom|bdom|mns|height|surface)(?=$|[_\-. ])",
    re.IGNORECASE,
)


def find_pairs(rgb: Path, dsm: Path) -> list[tuple[Path, Path]]:
    """Return pairs of rasters.

    Args:
        rgb: a raster, a folder of rasters, or a text file (``.txt``) with a path a line.
        dsm: the same for the surface. Folders may be one and the same.

    Raises:
        RidgelineError: (INPUT_MISSING, BAD_JOB) if a path does not exist, an RGB has no DSM or several, or two lists
            have different lengths.
    """
    for path in (rgb, dsm):
        if not path.exists():
            raise RidgelineError(ErrorCode.INPUT_MISSING, f"{str(path)!r} does not exist.", "Check the path.")
    if rgb.is_dir() != dsm.is_dir():
        raise RidgelineError(
            ErrorCode.BAD_JOB, "One of RGB and DSM is a folder, the other is not.", "Name two folders, or two lists."
        )
    if rgb.is_dir():
        return _by_name(_rasters(rgb, "rgb"), _rasters(dsm, "dsm"))
    pictures, surfaces = _listed(rgb), _listed(dsm)
    if len(pictures) != len(surfaces):
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"{rgb.name!r} lists {len(pictures)} rasters and {dsm.name!r} {len(surfaces)}.",
            "Line n of one goes with line n of the other.",
        )
    return list(zip(pictures, surfaces))


def place_name(path: Path) -> str:
    """Return a raster's name without the words that say what it shows: ``berlin_12_rgb.tif`` → ``berlin_12``."""
    return re.sub(r"[_\-. ]+", "_", _WORDS.sub("", path.stem)).strip("_").lower()


def _rasters(folder: Path, kind: str) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    words = ("dsm", "ndsm", "dom", "ndom", "bdom", "mns", "height", "surface")
    surface = [
        path for path in found if any(re.search(rf"(?:^|[_\-. ]){w}(?:$|[_\-. ])", path.stem.lower()) for w in words)
    ]
    if not surface or len(surface) == len(found):  # the names do not tell: all are of the kind asked for
        return found
    return surface if kind == "dsm" else [path for path in found if path not in surface]


def _listed(path: Path) -> list[Path]:
    if path.suffix.lower() != ".txt":
        return [path]
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [(path.parent / line).resolve() for line in lines if line and not line.startswith("#")]


def _by_name(pictures: list[Path], surfaces: list[Path]) -> list[tuple[Path, Path]]:
    places: dict[str, list[Path]] = {}
    for path in surfaces:
        places.setdefault(place_name(path), []).append(path)
    pairs = []
    for path in pictures:
        partners = places.get(place_name(path), [])
        if len(partners) != 1:
            found = "no DSM" if not partners else f"{len(partners)} DSMs"
            raise RidgelineError(
                ErrorCode.BAD_JOB,
                f"{path.name!r} has {found} of its name ({place_name(path)!r}).",
                "Name the files alike but for the words rgb and dsm, or give two lists.",
            )
        pairs.append((path, partners[0]))
    if not pairs:
        raise RidgelineError(ErrorCode.INPUT_MISSING, "There is no raster in the folder.", "Choose another folder.")
    return pairs

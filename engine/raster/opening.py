"""Opens rasters, and says in one sentence why one cannot be opened or read."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from ..jobs.errors import ErrorCode, RidgelineError
from ..jobs.inputs import RasterInput
from .wording import capital

_VRT_SOURCE = re.compile(r"<(?:SourceFilename|SourceDataset)\b([^>]*)>([^<]+)</")
_MOST_VRT_SOURCES = 20_000


def label_of(item: RasterInput, kind: str) -> str:
    """Return the raster's name in messages: its role, and the name the user knows it by."""
    name = item.name or Path(item.path).name or item.path
    return f"the {kind.upper()} {name!r}"


def open_dataset(path: str, label: str) -> Any:
    """Return an open rasterio dataset, for the calling thread alone.

    Raises:
        RidgelineError: (INPUT_MISSING, INPUT_UNREADABLE) naming the raster.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # said in our own words, as an error
            return rasterio.open(path)
    except (RasterioError, CPLE_BaseError, UnicodeEncodeError) as fault:  # the last: a name that is no text
        if _is_plain_path(path) and not os.path.exists(path):
            raise RidgelineError(
                ErrorCode.INPUT_MISSING, f"{capital(label)} does not exist ({path}).", "Check the path."
            ) from fault
        raise unreadable(label, "cannot be opened as a raster", fault) from fault


def unreadable(label: str, what: str, fault: BaseException) -> RidgelineError:
    """Return the error for a raster that fails, with GDAL's own words in it."""
    reason = " ".join(str(fault.__cause__ or fault).split()).rstrip(".")
    return RidgelineError(
        ErrorCode.INPUT_UNREADABLE,
        f"{capital(label)} {what} ({reason[:200]}).",
        "The file may be damaged or incomplete: check it with gdalinfo, or copy or download it again.",
    )


@contextmanager
def understanding(label: str) -> Iterator[None]:
    """Turn what GDAL says while it looks at an open raster's headers into an error of ours.

    Raises:
        RidgelineError: (INPUT_UNREADABLE) naming the raster.
    """
    try:
        yield
    except (RasterioError, CPLE_BaseError, UnicodeError) as fault:
        raise unreadable(label, "cannot be understood", fault) from fault


def check_vrt_sources(dataset: Any, label: str) -> None:
    """Refuse a VRT whose sources are missing: GDAL opens it and fails only while it is read.

    Raises:
        RidgelineError: (INPUT_MISSING) naming the source.
    """
    if dataset.driver != "VRT" or not _is_plain_path(dataset.name):
        return
    folder = Path(dataset.name).parent
    seen: set[str] = set()
    for attributes, text in _VRT_SOURCE.findall(Path(dataset.name).read_text(encoding="utf-8", errors="replace")):
        name, relative = unescape(text.strip()), 'relativeToVRT="1"' in attributes
        if name in seen or not _is_plain_path(name):
            continue
        seen.add(name)
        if not os.path.exists(folder / name if relative else name):
            raise RidgelineError(
                ErrorCode.INPUT_MISSING,
                f"{capital(label)} is a virtual raster whose source {name!r} is missing.",
                "Bring the file back to its place, or build the virtual raster again.",
            )
        if len(seen) >= _MOST_VRT_SOURCES:
            return


def _is_plain_path(name: str) -> bool:
    """Return whether ``name`` is an ordinary path, not one of GDAL's own names (``/vsicurl/…``, ``GPKG:…``)."""
    head = name.split("/", 1)[0]
    return (
        not name.startswith(("/vsi", "<")) and "://" not in name and not (":" in head and len(head.split(":")[0]) > 1)
    )

"""GDAL settings that keep memory bounded and reads quick, in one place."""

from __future__ import annotations

import os

import rasterio

CACHE_MB = 64
"""GDAL's block cache for the whole process, in MB.

Tiles of neighbouring bands touch the same two rows of blocks: this holds them for a picture of about 20 000 pixels in
three bytes with 512-pixel blocks. Wider ones decode blocks twice: better than memory that grows with the width.
"""

SILENT_S = 20
"""A web server that says nothing for so many seconds is given up: GDAL would wait for ever, and not hear a cancel."""

# GDAL reads this once, when the cache is first used; its own default is 5 % of the machine's memory.
os.environ.setdefault("GDAL_CACHEMAX", str(CACHE_MB))


def gdal_env(threads: int | None = None) -> rasterio.Env:
    """Return a context manager inside which rasters are opened, read and written.

    Args:
        threads: threads that decode or encode blocks; None: as many as the machine has, at most four.
    """
    if threads is None:
        threads = min(os.cpu_count() or 1, 4)
    return rasterio.Env(
        GDAL_NUM_THREADS=str(threads),
        GDAL_HTTP_MAX_RETRY="3",
        GDAL_HTTP_RETRY_DELAY="1",
        GDAL_HTTP_CONNECTTIMEOUT=str(SILENT_S),
        GDAL_HTTP_LOW_SPEED_TIME=str(SILENT_S),
        GDAL_HTTP_LOW_SPEED_LIMIT="1",
        GDAL_VRT_ENABLE_PYTHON="NO",  # a virtual raster may bring code of its own: it is never run
    )

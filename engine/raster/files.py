"""Files appear under their final name only when they are complete, and faults of the disk are named."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rasterio.errors import RasterioError

from ..jobs.errors import ErrorCode, RidgelineError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = ("no space left", "disk full", "quota", "file too large")
_LEAST_FREE = 1 << 20


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk (or GDAL on its behalf) says while ``path`` is written into an error of ours.

    Raises:
        RidgelineError: DISK_FULL, or OUTPUT_NOT_WRITABLE.
    """
    try:
        yield
    except OSError as fault:  # RasterioIOError is one too
        raise disk_error(path, fault) from fault
    except RasterioError as fault:
        raise disk_error(path, fault) from fault


def disk_error(path: Path, fault: BaseException) -> RidgelineError:
    """Return the error for a file that cannot be written."""
    words = f"{fault} {fault.__cause__ or ''}".lower()
    full = getattr(fault, "errno", None) in _FULL or any(word in words for word in _FULL_WORDS)
    if full or _free_bytes(path) < _LEAST_FREE:
        return RidgelineError(
            ErrorCode.DISK_FULL,
            f"The disk is full: {path.name!r} could not be written to {path.parent}.",
            "Free some space, or choose another folder; a run that is started again continues where it stopped.",
        )
    reason = " ".join(str(fault.__cause__ or fault).split()).rstrip(".")
    return RidgelineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"{path.name!r} cannot be written to {path.parent} ({reason[:200]}).",
        "Choose a folder that you may write to, and close programs that have the file open.",
    )


def write_atomically(path: Path, data: bytes | memoryview) -> None:
    """Write a whole file: after a crash it is there in full or not at all.

    Raises:
        RidgelineError: DISK_FULL, or OUTPUT_NOT_WRITABLE.
    """
    partial = path.with_name(f".{path.name}.partial")
    with writing(path):
        try:
            with open(partial, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def _free_bytes(path: Path) -> int:
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return _LEAST_FREE

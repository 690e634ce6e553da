"""Files appear under their final name only when they are complete, and faults of the disk are named."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError

from ..jobs.errors import ErrorCode, RidgelineError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = ("no space left", "disk full", "disk is full", "quota", "file too large")
_PROBE_BYTES = 1 << 20


def keep_existing(folder: Path, names: Iterable[str], overwrite: bool) -> None:
    """Refuse to write over what another run made.

    Args:
        folder: that gets the files.
        names: of the files, below the folder.
        overwrite: whether they may be replaced.

    Raises:
        RidgelineError: (OUTPUT_EXISTS) naming the first file that is there.
    """
    found = None if overwrite else next((name for name in names if (folder / name).exists()), None)
    if found is not None:
        raise RidgelineError(
            ErrorCode.OUTPUT_EXISTS,
            f"The folder {str(folder)!r} holds a result already ({found}).",
            "Choose another output folder, or allow results to be replaced (--overwrite).",
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the disk (or GDAL on its behalf) says while ``path`` is written into an error of ours.

    Raises:
        RidgelineError: DISK_FULL, or OUTPUT_NOT_WRITABLE.
    """
    try:
        yield
    except (OSError, RasterioError, CPLE_BaseError) as fault:
        raise disk_error(path, fault) from fault


def disk_error(path: Path, fault: BaseException) -> RidgelineError:
    """Return the error for a file that cannot be written."""
    words = f"{fault} {fault.__cause__ or ''}".lower()
    full = getattr(fault, "errno", None) in _FULL or any(word in words for word in _FULL_WORDS)
    if full or _is_full(path.parent):
        return RidgelineError(
            ErrorCode.DISK_FULL,
            f"The disk is full: {path.name!r} could not be written to {path.parent}.",
            "Free some space, or choose another folder; a run that is started again continues where it stopped.",
        )
    file = next((place for place in path.parents if os.path.isfile(place)), None)  # names may be too long to look
    if file is not None:
        return RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The folder {path.parent} cannot be made: {str(file)!r} is a file.",
            "Choose another folder, or move that file away.",
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
    try:
        with writing(path):
            with open(partial, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    except RidgelineError:
        with suppress(OSError):
            partial.unlink()
        raise


def _is_full(folder: Path) -> bool:
    """Return whether a megabyte more does not fit into ``folder``: GDAL often does not say why a write failed."""
    probe = folder / f".ridgeline-{os.getpid()}.probe"
    try:
        with open(probe, "wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        return fault.errno in _FULL
    finally:
        with suppress(OSError):
            probe.unlink()
    return False


def remove_partials(folder: Path, names: Iterable[str]) -> None:
    """Remove what is there of files that are not finished: a killed run leaves them.

    Args:
        folder: of the results.
        names: of the files when they are finished.

    Raises:
        OSError: if the folder cannot be read or written to.
    """
    begun = tuple(start for name in names for start in (f".{Path(name).stem}.partial.", f".{name}.partial"))
    for path in list(folder.iterdir()):
        if path.name.startswith(begun):
            path.unlink(missing_ok=True)

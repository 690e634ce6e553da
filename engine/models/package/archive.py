"""Model folders as zip files: written to share, and unpacked from hands that need not be friendly."""

from __future__ import annotations

import errno
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ...jobs import ErrorCode, RidgelineError
from .spec import is_inside

MAX_FILES = 1000
MAX_BYTES = 16 * 1024**3
MAX_RATIO = 200
"""How many times larger a file may become; network weights hardly shrink at all."""
_SMALL = 1024 * 1024  # texts may shrink as they like
_CHUNK = 1024 * 1024
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NAME_FAULTS = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ)


def extract_model(archive: Path, folder: Path) -> None:
    """Unpack the model in ``archive`` into the empty ``folder``: its files at the top, or in one folder at the top.

    Raises:
        RidgelineError: (BAD_MODEL) if it is no zip, is damaged, holds no model.json, leads out of the folder, holds a
            link or an encrypted file, or would become too many or too large files.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            files = _checked(opened, archive.name)
            prefix = _prefix(files, archive.name)
            for item in files:
                if item.filename.startswith(prefix):
                    _extract(opened, item, folder / item.filename[len(prefix) :])
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as fault:
        raise _bad(archive.name, f"is no zip file, or a damaged one ({fault})") from fault
    except (RuntimeError, UnicodeError, ValueError, zipfile.LargeZipFile) as fault:
        raise _bad(archive.name, f"cannot be unpacked ({fault})") from fault
    except OSError as fault:
        if fault.errno not in _NAME_FAULTS:  # the disk's, not the zip's
            raise
        raise _bad(archive.name, f"holds names that cannot lie in one folder ({fault.strerror})") from fault


def write_archive(folder: Path, archive: Path) -> None:
    """Write the model in ``folder`` as a zip with one folder at the top; it appears when it is complete."""
    part = archive.with_name(archive.name + ".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened:
            for item in sorted(folder.rglob("*")):
                if item.is_file():
                    opened.write(item, f"{folder.name}/{item.relative_to(folder).as_posix()}")
        part.replace(archive)
    finally:
        part.unlink(missing_ok=True)


def _checked(opened: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    items = opened.infolist()
    if len(items) > MAX_FILES:
        raise _bad(name, f"holds {len(items)} files; a model has at most {MAX_FILES}")
    files = []
    for item in items:
        if item.filename.endswith("/"):  # `is_dir` stumbles over an empty name before Python 3.12
            continue
        kind = stat.S_IFMT(item.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _bad(name, f"holds {item.filename!r}, which is a link or a device")
        if not is_inside(item.filename) or any(part.strip(". ") == "" for part in item.filename.split("/")):
            raise _bad(name, f"holds {item.filename!r}, which leads out of its folder")
        if item.flag_bits & 0x1:
            raise _bad(name, "is encrypted")
        if item.compress_type not in _PACKED:
            raise _bad(name, f"holds {item.filename!r}, which is packed in a way that only some programs read")
        if item.file_size > _SMALL and item.file_size > MAX_RATIO * max(item.compress_size, 1):
            raise _bad(name, f"holds {item.filename!r}, which would grow more than {MAX_RATIO} times")
        files.append(item)
    if sum(item.file_size for item in files) > MAX_BYTES:
        raise _bad(name, f"would grow to more than {MAX_BYTES // 1024**3} GB")
    lower = [item.filename.lower() for item in files]
    if len(set(lower)) != len(lower):
        raise _bad(name, "holds two files of one name")
    return files


def _prefix(files: list[zipfile.ZipInfo], name: str) -> str:
    """Return the folder that holds model.json, with its slash; empty at the top."""
    homes = [item.filename[: -len("model.json")] for item in files if item.filename.split("/")[-1] == "model.json"]
    homes = [home for home in homes if home.count("/") <= 1]
    if len(homes) != 1:
        raise _bad(name, "holds no model.json" if not homes else "holds more than one model.json")
    return homes[0]


def _extract(opened: zipfile.ZipFile, item: zipfile.ZipInfo, target: Path) -> None:
    """Write one file. ``zipfile`` reads no more bytes than the zip says, which was checked, and then their sum."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(item) as source, target.open("xb") as sink:
        shutil.copyfileobj(source, sink, _CHUNK)


def _bad(name: str, what: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_MODEL, f"The file {name!r} {what}.", "Get the model again from its source.")

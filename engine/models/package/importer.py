"""Bring models into the user's library, and take them out again."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...feedback import Feedback
from ...jobs import ErrorCode, RidgelineError, to_dict
from ...jobs.models import ImportModelJob
from ...jobs.places import user_models
from .archive import extract_model, write_archive
from .library import SHIPPED, find_model, is_name
from .load import ModelPackage, load_package, save_spec
from .onnx_import import build_package
from .probe import probe_package
from .spec import ModelSpec, is_safe_name
from .validate import faults_of_package

_PICKLES = {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".h5", ".joblib", ".npy", ".npz"}
_STAGING = ".incoming-"
_STALE_S = 24 * 3600
_STEPS = 4


def import_model(job: ImportModelJob, feedback: Feedback | None = None) -> ModelPackage:
    """Bring a model into the user's library: copy it beside the library, check everything, run it, then move it in.

    Args:
        job: what to import.
        feedback: told of the steps; may cancel.

    Raises:
        RidgelineError: (INPUT_MISSING), (BAD_MODEL), (BAD_JOB: the form), (OUTPUT_EXISTS), (DISK_FULL),
            (OUTPUT_NOT_WRITABLE), (MISSING_LIBRARY: a checkpoint without PyTorch).
    """
    feedback = feedback or Feedback()
    source = Path(os.path.expanduser(job.path))
    if not os.path.exists(source):
        raise RidgelineError(ErrorCode.INPUT_MISSING, f"There is no file {job.path!r}.", "Check the path.")
    _check_hash(source, job.sha256)
    if job.name is not None:
        _check_name(job.name)
    root = user_models()
    with _writing(root):
        root.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        staging = root / f"{_STAGING}{uuid.uuid4().hex}"
        staging.mkdir()
        try:
            feedback.progress(0, _STEPS, "steps", "copying")
            _stage(source, staging, job)
            feedback.progress(1, _STEPS, "steps", "checking")
            package = _checked(staging, source.name, job.name)
            feedback.progress(2, _STEPS, "steps", "trying")
            probe_package(package)
            feedback.progress(3, _STEPS, "steps", "adding")
            target = _move_in(staging, root, package.spec.name, job.replace)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    feedback.progress(_STEPS, _STEPS, "steps", "adding")
    return load_package(target)


def export_model(name: str, out: Path, overwrite: bool = False) -> Path:
    """Write a model as a zip; return the zip's path (``out`` may be a folder).

    Raises:
        RidgelineError: (BAD_MODEL) if there is no such model or it is damaged, (OUTPUT_EXISTS), (OUTPUT_NOT_WRITABLE),
            (DISK_FULL).
    """
    package = find_model(name)
    _refuse_faults(package.folder, package.spec.name)
    target = out / f"{package.spec.name}-{package.spec.version}.zip" if out.is_dir() else out
    if target.exists() and not overwrite:
        raise _exists(f"The file {str(target)!r} exists already.", "Choose another name, or allow overwriting.")
    with _writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_archive(package.folder, target)
    return target


def remove_model(name: str) -> Path:
    """Remove a model from the user's library; return where it was.

    Raises:
        RidgelineError: (BAD_MODEL) if the user's library does not hold it.
    """
    folder = user_models() / name
    if not is_name(name) or not folder.is_dir() or folder.is_symlink():
        shipped = is_name(name) and (SHIPPED / name).is_dir()
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {name!r} comes with Ridgeline and cannot be removed."
            if shipped
            else f"Your library holds no model {name!r}.",
            "`ridgeline models list` shows what it holds.",
        )
    with _writing(folder.parent):
        doomed = folder.with_name(f"{_STAGING}{uuid.uuid4().hex}")
        folder.rename(doomed)
        shutil.rmtree(doomed)
    return folder


def verify_model(name: str) -> tuple[ModelPackage, list[str]]:
    """Return a model and all that is wrong with it: files, hashes, fields, and whether it runs.

    Raises:
        RidgelineError: (BAD_MODEL) if there is no such model, or its ``model.json`` cannot be read.
    """
    package = find_model(name)
    faults = [str(fault) for fault in faults_of_package(package.folder)]
    if not faults:
        try:
            probe_package(package)
        except RidgelineError as fault:
            faults.append(fault.message)
    return package, faults


def _stage(source: Path, staging: Path, job: ImportModelJob) -> None:
    suffix = source.suffix.lower()
    if source.is_dir():
        _copy_folder(source, staging)
    elif suffix == ".zip":
        extract_model(source, staging)
    elif suffix == ".onnx":
        build_package(source, staging, job.name or _name_of(source), job.form)
    elif suffix == ".safetensors":
        _import_checkpoint(source, staging, job)
    elif suffix in _PICKLES:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The file {source.name!r} may run any program when it is opened, so Ridgeline never opens such files.",
            "Ask for the model as ONNX or safetensors.",
        )
    else:
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The file {source.name!r} is no model.",
            "Choose a model's folder, a zip of one, an .onnx file or a .safetensors checkpoint.",
        )


def _copy_folder(source: Path, staging: Path) -> None:
    if not (source / "model.json").is_file():
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"There is no model in {str(source)!r}: model.json is missing.",
            "Choose a model's folder.",
        )
    for item in sorted(source.rglob("*")):
        name = item.relative_to(source)
        if item.is_symlink():
            raise RidgelineError(
                ErrorCode.BAD_MODEL,
                f"The model in {source.name!r} holds {name.as_posix()!r}, which is a link.",
                "Replace the link by the file itself.",
            )
        if item.is_file() and not name.parts[0].startswith("."):
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(item, staging / name)


def _import_checkpoint(source: Path, staging: Path, job: ImportModelJob) -> None:
    try:
        from ..from_checkpoint import package_from_checkpoint
    except ImportError as fault:
        raise RidgelineError(
            ErrorCode.MISSING_LIBRARY,
            f"The checkpoint {source.name!r} can be read with PyTorch only, which is not installed.",
            "Install the engine with its `train` extra, or import the model as ONNX.",
        ) from fault
    package_from_checkpoint(source, staging, job.name or _name_of(source), job.form)


def _checked(staging: Path, source: str, name: str | None) -> ModelPackage:
    _refuse_faults(staging, source)
    package = load_package(staging)
    if name is not None and name != package.spec.name:
        save_spec(_renamed(package.spec, name), staging)
        package = load_package(staging)
    return package


def _renamed(spec: ModelSpec, name: str) -> ModelSpec:
    from ...jobs import from_dict

    return from_dict(ModelSpec, {**to_dict(spec), "name": name}, "model.json")


def _refuse_faults(folder: Path, name: str) -> None:
    faults = faults_of_package(folder)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        listed = "; ".join(str(fault) for fault in faults[1:6])
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The model {name!r} has a fault at {faults[0]}{more}.",
            f"Also: {listed}." if listed else "Get the model again from its source, or correct it.",
        )


def _move_in(staging: Path, root: Path, name: str, replace: bool) -> Path:
    target = root / name
    if (SHIPPED / name).exists():
        raise RidgelineError(  # no question of replacing it, which OUTPUT_EXISTS would be
            ErrorCode.BAD_MODEL,
            f"The model {name!r} comes with Ridgeline and cannot be replaced.",
            "To have another beside it, change the name in its model.json.",
        )
    if target.exists():
        if not replace:
            raise _exists(f"Your library holds a model {name!r} already.", "Give it another name, or replace the old.")
        old = root / f"{_STAGING}{uuid.uuid4().hex}"
        target.rename(old)
        staging.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.rename(target)
    return target


def _sweep(root: Path) -> None:
    """Remove what an import that was killed left behind a day ago or longer."""
    for item in root.glob(f"{_STAGING}*"):
        if time.time() - item.stat().st_mtime > _STALE_S:
            shutil.rmtree(item, ignore_errors=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RidgelineError(
                ErrorCode.DISK_FULL, f"The disk of {str(folder)!r} is full.", "Make room and try again."
            ) from fault
        raise RidgelineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The folder {str(folder)!r} cannot be written to ({fault.strerror or fault}).",
            "Check its permissions, or set RIDGELINE_MODELS to another folder.",
        ) from fault


def _check_hash(source: Path, digest: str | None) -> None:
    if digest is None:
        return
    if source.is_dir():
        raise RidgelineError(ErrorCode.BAD_JOB, "A folder has no SHA-256 of its own.", "Give the zip instead.")
    with source.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != digest.strip().lower():
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"The file {source.name!r} is not the one that was expected: its SHA-256 is {found}.",
            "Download it again.",
        )


def _check_name(name: str) -> None:
    if not is_safe_name(name):
        raise RidgelineError(
            ErrorCode.BAD_JOB,
            f"A model cannot be called {name!r}.",
            "Use letters, digits, dots, dashes and underscores, beginning with a letter or digit.",
        )


def _name_of(source: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).strip("-._")[:64].rstrip("-._")
    return name if is_safe_name(name) else "model"


def _exists(message: str, hint: str) -> RidgelineError:
    return RidgelineError(ErrorCode.OUTPUT_EXISTS, message, hint)

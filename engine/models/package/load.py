"""Read and write ``model.json``, and find the weights that fit the inputs at hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ...jobs import ErrorCode, RidgelineError, from_dict, to_dict
from .spec import ModelSpec, WeightsSpec, is_inside

MAX_JSON_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class ModelPackage:
    """A model's folder and what its ``model.json`` says.

    Attributes:
        folder: where its files lie.
        spec: what ``model.json`` says.
        fingerprint: SHA-256 over ``model.json`` as it was read, which holds the hashes of all weights: another one
            whenever the model is another.
    """

    folder: Path
    spec: ModelSpec
    fingerprint: str = ""

    def path_of(self, file: str) -> Path:
        """Return the path of a file of the package.

        Raises:
            RidgelineError: (BAD_MODEL) if the name leads out of the folder or the file is missing.
        """
        path = self.folder / PurePosixPath(file)
        if not is_inside(file) or not path.resolve().is_relative_to(self.folder.resolve()):
            raise _bad(self.spec.name, f"names the file {file!r} outside its folder")
        if not path.is_file():
            raise _bad(self.spec.name, f"lacks its file {file!r}")
        return path

    def weights_for(self, kinds: frozenset[str], file_format: str, precision: str = "auto") -> WeightsSpec | None:
        """Return the weights that take exactly the inputs of these kinds, or None.

        Args:
            kinds: kinds of the rasters at hand (``rgb``, ``dsm``).
            file_format: ``onnx`` or ``safetensors``.
            precision: a precision, or ``auto`` for the first that is listed.
        """
        names = {item.name for item in self.spec.inputs if item.kind in kinds}
        for weights in self.spec.weights:
            fits = set(weights.inputs) == names and weights.format == file_format
            if fits and precision in ("auto", weights.precision):
                return weights
        return None

    def verify(self, weights: WeightsSpec) -> None:
        """Check the hashes of a weights file and its data.

        Raises:
            RidgelineError: (BAD_MODEL) naming the file that was changed or is missing.
        """
        for file, digest in {weights.file: weights.sha256, **weights.data}.items():
            if file_digest(self.path_of(file)) != digest:
                raise _bad(self.spec.name, f"holds a file {file!r} that is not the one it was published with")


def load_package(folder: Path) -> ModelPackage:
    """Read the package in ``folder``; hashes are checked by ``verify``, before the first load of the weights.

    Raises:
        RidgelineError: (BAD_MODEL) naming the field that is at fault.
    """
    path = folder / "model.json"
    if not path.is_file():
        raise RidgelineError(
            ErrorCode.BAD_MODEL,
            f"There is no model in {str(folder)!r}: model.json is missing.",
            "Choose a model's folder.",
        )
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("it is too large")
        raw = path.read_bytes()
        data = _json_of(raw)
    except (OSError, ValueError, RecursionError) as fault:
        raise _bad(folder.name, f"has a model.json that cannot be read ({fault})") from fault
    try:
        spec = from_dict(ModelSpec, data, "model.json")
    except RidgelineError as fault:
        raise _bad(folder.name, f"has a fault: {fault.message}") from fault
    return ModelPackage(folder, spec, hashlib.sha256(raw).hexdigest())


def save_spec(spec: ModelSpec, folder: Path) -> None:
    """Write ``model.json`` into ``folder`` (atomically)."""
    target = folder / "model.json"
    part = target.with_suffix(".json.part")
    part.write_text(json.dumps(to_dict(spec), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(target)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; NaN and infinite numbers, which are no JSON, are refused.

    Raises:
        OSError, ValueError, RecursionError: if it is no such file.
    """
    return _json_of(path.read_bytes())


def _json_of(raw: bytes) -> Any:
    data = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    json.dumps(data, ensure_ascii=False).encode("utf-8")  # half a character (a lone surrogate) cannot be written again
    return data


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file as ``model.json`` states it: ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{file_sha256(path)}"


def _bad(name: str, what: str) -> RidgelineError:
    return RidgelineError(ErrorCode.BAD_MODEL, f"The model {name!r} {what}.", "Import or download the model again.")

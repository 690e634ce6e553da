"""Which packages the engine needs: the pinned and hashed lists in ``resources/requirements``."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

from ..paths import REQUIREMENTS

INFERENCE, TRAIN = "inference", "train"
SETS = (INFERENCE, TRAIN)
_NEEDED_MODULES = {
    INFERENCE: ("numpy", "scipy", "rasterio", "shapely", "pyogrio", "onnxruntime"),
    TRAIN: ("torch", "torchvision", "timm", "safetensors", "torchmetrics", "onnx", "onnxscript"),
}
_DISK_MB = {(INFERENCE, False): 900, (INFERENCE, True): 6000, (TRAIN, False): 9000, (TRAIN, True): 9000}


@dataclass(frozen=True)
class RequirementSet:
    """One list of packages.

    Attributes:
        which: ``inference`` or ``train`` (which holds the inference set too).
        gpu: whether it is the build for NVIDIA GPUs.
        file: the pinned and hashed list.
    """

    which: str
    gpu: bool
    file: Path

    @property
    def key(self) -> str:
        """Hash of the list's content, 12 hexadecimal digits: another list, another environment."""
        # the line ends of a checkout differ between systems and say nothing about the packages
        content = self.file.read_bytes().replace(b"\r\n", b"\n")
        return hashlib.sha256(content).hexdigest()[:12]

    @property
    def modules(self) -> Tuple[str, ...]:
        """Modules that must be importable in the environment."""
        more = _NEEDED_MODULES[TRAIN] if self.which == TRAIN else ()
        return _NEEDED_MODULES[INFERENCE] + more

    @property
    def disk_mb(self) -> int:
        """Space that the installation takes at most, in megabytes."""
        return _DISK_MB[self.which, self.gpu]

    @property
    def packages(self) -> List[str]:
        """Names of the pinned packages, on any system."""
        return re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==", self.file.read_text("utf-8"), re.MULTILINE)


def requirement_set(which: str, gpu: bool = False, folder: Path = REQUIREMENTS) -> RequirementSet:
    """Return the list for ``which``; the GPU build of inference differs, training brings its own GPU libraries."""
    name = f"{which}-gpu" if gpu and which == INFERENCE else which
    return RequirementSet(which, gpu and which == INFERENCE, folder / f"{name}.txt")


def all_sets(folder: Path = REQUIREMENTS) -> List[RequirementSet]:
    """Return all lists, those that can do most first."""
    sets = [requirement_set(TRAIN, False, folder), requirement_set(INFERENCE, True, folder)]
    return [item for item in [*sets, requirement_set(INFERENCE, False, folder)] if item.file.is_file()]

"""The model packages that the plugin can offer: what their ``model.json`` says, read without the engine."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional, Tuple

from ....engine.jobs.pixel_size import run_gsd
from ....engine.jobs.places import user_models
from ...i18n import tr
from ...paths import RESOURCES

_MAX_JSON_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class ClassInfo:
    """One class of an output: id, name and colour (``#rrggbb``)."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True)
class ModelInfo:
    """What the dock shows and uses of a model package."""

    name: str
    title: str
    version: str
    folder: Path
    description: str
    licence: str
    source: str
    gsd_trained: float
    gsd_min: float
    gsd_max: float
    tile: int
    overlap: int
    input_sets: Tuple[FrozenSet[str], ...]
    """The combinations of inputs (``rgb``, ``dsm``) for which the package has weights to run."""
    outputs: Tuple[str, ...]
    """Roles of the outputs, such as ``land_cover`` and ``roof_class``."""
    classes: Dict[str, Tuple[ClassInfo, ...]]
    """Classes by output role."""
    metrics: Dict[str, Any]
    trainable: bool
    size_bytes: int
    trained_on: str = ""
    gsd_native_share: float = 0.0

    def gsd_over(self, native: Optional[float]) -> float:
        """Return the metres per pixel of a run over rasters with pixels of ``native`` metres (None: not known)."""
        return run_gsd(self.gsd_trained, self.gsd_max, self.gsd_native_share, native or 0.0)

    @property
    def label(self) -> str:
        """Name for people."""
        return self.title or self.name

    def looks_at(self, kinds: FrozenSet[str]) -> FrozenSet[str]:
        """Return which of these inputs the model looks at; the others it leaves alone."""
        return kinds & frozenset().union(*self.input_sets)

    def takes(self, kinds: FrozenSet[str]) -> bool:
        """Whether the model runs where these inputs are at hand."""
        return self.looks_at(kinds) in self.input_sets


@dataclass(frozen=True)
class BrokenModel:
    """A folder that looks like a model and is none, and why."""

    folder: Path
    reason: str


def model_shelves() -> "List[Path]":
    """Return the folders that hold models, as the engine knows them: those shipped, then the user's own."""
    return [RESOURCES / "models", user_models()]


def read_model(folder: Path) -> ModelInfo:
    """Return what ``folder/model.json`` says.

    Raises:
        ValueError: in one sentence, if it cannot be read or lacks what is needed.
    """
    path = folder / "model.json"
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError(tr("model.json is too large."))
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise ValueError(tr("model.json cannot be read ({why}).", why=fault)) from fault
    try:
        return _info(data, folder)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError, OSError) as fault:
        raise ValueError(tr("model.json lacks or misstates {what}.", what=fault)) from fault


def find_models(folders: "List[Path]") -> "Tuple[List[ModelInfo], List[BrokenModel]]":
    """Return the models in ``folders`` (each a shelf of packages), by folder order then name, and the broken ones."""
    models: List[ModelInfo] = []
    broken: List[BrokenModel] = []
    seen = set()
    for shelf in folders:
        for path in sorted(shelf.glob("*/model.json")) if shelf.is_dir() else ():
            try:
                info = read_model(path.parent)
            except ValueError as fault:
                broken.append(BrokenModel(path.parent, str(fault)))
                continue
            if info.name not in seen:  # a model of one's own does not hide the shipped one of the same name
                seen.add(info.name)
                models.append(info)
    return models, broken


def by_name(models: "List[ModelInfo]", wanted: str) -> Optional[ModelInfo]:
    """Return the model of that name or folder, or None."""
    return next((model for model in models if wanted in (model.name, str(model.folder))), None)


def _info(data: Dict[str, Any], folder: Path) -> ModelInfo:
    kinds = {str(item["name"]): str(item["kind"]) for item in data["inputs"]}
    weights = data["weights"]
    runnable = [frozenset(kinds[name] for name in item["inputs"]) for item in weights if item["format"] == "onnx"]
    classes = {
        str(item.get("role", "other")): tuple(
            ClassInfo(int(one["id"]), str(one["name"]), str(one["colour"])) for one in item.get("classes", ())
        )
        for item in data["outputs"]
    }
    return ModelInfo(
        name=str(data["name"]),
        title=str(data.get("title", "")),
        version=str(data["version"]),
        folder=folder,
        description=str(data.get("description", "")),
        licence=str(data.get("licence", "")),
        source=str(data.get("source", "")),
        gsd_trained=_metres(data["gsd"]["trained"]),
        gsd_min=_metres(data["gsd"]["min"]),
        gsd_max=_metres(data["gsd"]["max"]),
        tile=int(data["tile"]["size"]),
        overlap=int(data["tile"].get("overlap", 64)),
        input_sets=tuple(dict.fromkeys(runnable)),
        outputs=tuple(classes),
        classes={role: items for role, items in classes.items() if items},
        metrics=dict(data.get("metrics", {})),
        trainable=any(item["format"] == "safetensors" for item in weights) and bool(data.get("architecture")),
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        trained_on=str(data.get("training_data", "")),
        gsd_native_share=float(data["gsd"].get("native_share", 0.0)),
    )


def _metres(value: Any) -> float:
    metres = float(value)
    if not 0 < metres < math.inf:
        raise ValueError(f"gsd {value}")
    return metres

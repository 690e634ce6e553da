"""What the Fine-tune page teaches: values of a field, the classes they mean, and the parameters of the algorithm."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ....engine.jobs import NEWS
from ....engine.jobs.finetune import package_name
from ....engine.jobs.places import user_models
from ...i18n import tr
from ...layers.classes import BACKGROUND, roof_titles
from .checks import Finding, Weight, unfit_text, unseen_text
from .models import ModelInfo

ALGORITHM = "ridgeline:finetune"
BUILDING = "building"
MOST_VALUES = 60
"""A field with more values holds no classes."""


@dataclass(frozen=True)
class LabelValue:
    """A value of the field: how often it occurs, and how the layer shows it."""

    value: str
    count: int
    title: str
    colour: Optional[str]


@dataclass(frozen=True)
class Meaning:
    """What a value means; an empty class leaves its polygons out."""

    value: str
    target: str
    colour: Optional[str]


def label_values(layer: Any, field: str) -> "List[LabelValue]":
    """Return the values of a field, with names and colours from the layer's categories; at most `MOST_VALUES` + 1."""
    index = layer.fields().indexOf(field)
    if index < 0:
        return []
    counts: Dict[str, int] = {}
    for feature in layer.getFeatures():
        text = value_text(feature.attribute(index))
        counts[text] = counts.get(text, 0) + 1
        if len(counts) > MOST_VALUES:
            break
    shown = _categories(layer, field)
    found = []
    for value in sorted(counts):
        title, colour = shown.get(value, ("", None))
        found.append(LabelValue(value, counts[value], title or value, colour))
    return found


def value_text(value: Any) -> str:
    """Return a value of an attribute as the engine reads it from a file."""
    if value is None or (hasattr(value, "isNull") and value.isNull()):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _categories(layer: Any, field: str) -> "Dict[str, Tuple[str, Optional[str]]]":
    renderer = layer.renderer()
    if renderer is None or renderer.type() != "categorizedSymbol" or renderer.classAttribute().strip('"') != field:
        return {}
    shown: Dict[str, Tuple[str, Optional[str]]] = {}
    for category in renderer.categories():
        values = category.value() if isinstance(category.value(), (list, tuple)) else [category.value()]
        symbol = category.symbol()
        for value in values:
            shown[value_text(value)] = (category.label(), None if symbol is None else symbol.color().name())
    return shown


def known_classes(model: Optional[ModelInfo]) -> "List[Tuple[str, str]]":
    """Return (name, what people read) of the classes that a model has, building first."""
    titles = roof_titles()
    found = {BUILDING: tr("building")}
    for role in ("roof_class", "land_cover", "other"):
        for item in () if model is None else model.classes.get(role, ()):
            found.setdefault(item.name, titles.get(item.name, item.name.replace("_", " ")))
    found[BACKGROUND] = tr("background")
    return list(found.items())


def guess_meaning(value: LabelValue, known: "Sequence[Tuple[str, str]]") -> Meaning:
    """Return what a value probably means: the model's class of that name, else a new class called as the layer does."""
    for name, title in known:
        if value.value.casefold() in (name, title.casefold()) or value.title.casefold() in (name, title.casefold()):
            return Meaning(value.value, name, value.colour)
    return Meaning(value.value, value.title if value.value else "", value.colour)


def model_folder(name: str) -> Path:
    """Return where a model of that name is kept."""
    return user_models() / package_name(name)


def free_name(name: str) -> str:
    """Return ``name``, or the first of it with a number that no model has."""
    base, number, candidate = re.sub(r" \d+$", "", name), 2, name
    while (model_folder(candidate) / "model.json").exists():
        candidate, number = f"{base} {number}", number + 1
    return candidate


def lesson_findings(page: Any) -> "List[Finding]":
    """Return what stands in the way of a training, or should be known before it."""
    if page.rgb.currentLayer() is None and page.dsm.currentLayer() is None:
        return [Finding(Weight.ASKS, tr("Choose the picture (RGB), the surface model (DSM), or both."))]
    if page.labels.currentLayer() is None:
        return [Finding(Weight.ASKS, tr("Choose a layer of polygons around what is to be found."))]
    if page.current_model is None:
        return [Finding(Weight.STOPS, tr("There is no model that can learn: see the Models page."))]
    if page.too_many_values:
        text = tr("The field has more than {n} values. Choose the one that holds the class.", n=MOST_VALUES)
        return [Finding(Weight.STOPS, text)]
    targets = {item.target for item in page.meanings() if item.target}
    if page.field.currentField() and not targets:
        return [Finding(Weight.ASKS, tr("Give at least one value a class."))]
    if page.area.currentLayer() is None and len(targets or {BUILDING}) < 2:
        text = tr("There is one class only, so something must say where it is not: choose an area, or draw background.")
        return [Finding(Weight.STOPS, text)]
    name = page.name.text().strip()
    if not name:
        return [Finding(Weight.ASKS, tr("Give the new model a name."))]
    if (model_folder(name) / "model.json").exists():
        return [Finding(Weight.STOPS, tr("There is a model “{name}” already. Choose another name.", name=name))]
    given = (("rgb", page.rgb.currentLayer()), ("dsm", page.dsm.currentLayer()))
    kinds = frozenset(kind for kind, layer in given if layer is not None)
    if not page.current_model.input_sets:  # what it can be fed with is known to the engine alone
        return []
    if not page.current_model.looks_at(kinds):  # of some of them it may learn, although it runs with all alone
        return [Finding(Weight.STOPS, unfit_text(page.current_model))]
    unseen = unseen_text(page.current_model, kinds)
    return [Finding(Weight.TELLS, unseen)] if unseen else []


def lesson_parameters(page: Any, folder: Path, check_only: bool) -> Dict[str, Any]:
    """Return the parameters of the algorithm; the model, or what a check says, goes to ``folder``."""
    parameters: Dict[str, Any] = {
        "LABELS": page.labels.currentLayer().id(),
        "MODEL": str(page.current_model.folder),
        "NAME": page.name.text().strip(),
        "MODE": page.mode.currentData(),
        "MINUTES": page.minutes.value(),
        "KEEP_CLASSES": page.keep.isChecked(),
        "CHECK_ONLY": check_only,
        "OUTPUT": str(folder),
    }
    for key, layer in (
        ("RGB", page.rgb.currentLayer()),
        ("DSM", page.dsm.currentLayer()),
        ("AREA", page.area.currentLayer()),
    ):
        if layer is not None:
            parameters[key] = layer.id()
    if page.field.currentField():
        parameters["FIELD"] = page.field.currentField()
        parameters["CLASSES"] = [
            cell for item in page.meanings() for cell in (item.value, item.target, item.colour or "")
        ]
    return parameters


def check_findings(summary: Dict[str, Any]) -> "List[Finding]":
    """Return what a check has found, in words and numbers, what is odd first."""
    labels = summary.get("labels", {})
    found = [
        Finding(Weight.TELLS if item.get("code") in NEWS else Weight.WARNS, str(item.get("message", "")))
        for item in labels.get("findings", ())
    ]
    lines = []
    for name, count in labels.get("classes", {}).items():
        lines.append(
            tr("{name}: {n} polygons teach, {v} kept apart to try the model on ({p} and {q} pixels)",
               name=name, n=count["polygons"], v=count["validation_polygons"], p=count["pixels"],
               q=count["validation_pixels"])
            if name != BACKGROUND
            else tr("{name}: {p} pixels teach, {q} kept apart", name=tr("background"), p=count["pixels"],
                    q=count["validation_pixels"])
        )  # fmt: skip
    shift = labels.get("shift_m")
    if shift and max(abs(item) for item in shift) < 0.75:
        lines.append(
            tr("The outlines lie on the roofs that the model sees in the picture.")
            if labels.get("shift_seen_in") == "rgb"
            else tr("The outlines lie on the edges of the surface model.")
        )
    return found + [Finding(Weight.TELLS, line) for line in lines]


def result_findings(summary: Dict[str, Any], name: str) -> "List[Finding]":
    """Return how a training has ended."""
    metrics = summary.get("metrics", {})
    before, after = metrics.get("validation before"), metrics.get("validation after", {})
    text = tr("“{name}” is ready, and chosen on the Segment page.", name=name)
    score = after.get("mean_iou")
    if score is None:
        return [Finding(Weight.DONE, text)]
    said = tr("Score on the ground kept apart: {after:.2f} (mean IoU: 1 is perfect)", after=score)
    if isinstance(before, dict) and before.get("mean_iou") is not None:
        said = tr(
            "Score on the ground kept apart: {before:.2f} before, {after:.2f} now (mean IoU: 1 is perfect)",
            before=before["mean_iou"],
            after=score,
        )
        if score <= before["mean_iou"]:
            hint = (
                tr("Training made nothing better: the model is as it was. More labels, or better ones, would help.")
                if not summary.get("best_step")
                else tr("It is no better there than the old one. Compare both elsewhere, or label more places.")
            )
            return [Finding(Weight.DONE, text), Finding(Weight.WARNS, said), Finding(Weight.WARNS, hint)]
    return [Finding(Weight.DONE, text), Finding(Weight.TELLS, said)]

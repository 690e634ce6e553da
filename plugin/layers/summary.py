"""A run in a few sentences: buildings by roof class, areas of classes, time."""

from typing import Any, Dict, List, Mapping, Tuple

from qgis.core import QgsFeatureRequest

from ..dock.logic import words
from ..i18n import tr
from .classes import BACKGROUND, class_title, roof_titles

_MOST_CLASSES = 12
"""More would fill the panel; ``run.json`` has them all."""


def count_buildings(layer: Any) -> "Dict[str, Tuple[int, float]]":
    """Return number and area in m² of the buildings of each roof class, most frequent first."""
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
    request.setSubsetOfAttributes(["roof_class", "area_m2"], layer.fields())
    found: Dict[str, Tuple[int, float]] = {}
    for feature in layer.getFeatures(request):
        name = str(feature["roof_class"] or "")
        number, area = found.get(name, (0, 0.0))
        found[name] = number + 1, area + float(feature["area_m2"] or 0.0)
    return dict(sorted(found.items(), key=lambda item: (-item[1][0], item[0])))


def summary_lines(record: Mapping[str, Any], layers: Mapping[str, Any], seconds: float) -> List[str]:
    """Return the summary, a sentence a line.

    Args:
        record: what ``run.json`` says; empty if it could not be read.
        layers: the run's layers by kind.
        seconds: how long the user waited.
    """
    lines: List[str] = []
    if layers.get("buildings") is not None:
        lines += _building_lines(count_buildings(layers["buildings"]))
    areas = record.get("areas_m2")
    for name, found in areas.items() if isinstance(areas, dict) else ():
        # of roof classes the buildings tell more
        if name in layers and name != "roof_class" and isinstance(found, dict):
            lines += _area_lines(layers[name].name(), found)
    lines.append(_time_line(record, seconds))
    return lines


def _time_line(record: Mapping[str, Any], seconds: float) -> str:
    report = record.get("device")
    device = str(report.get("device", "")) if isinstance(report, dict) else ""
    if not device:
        return tr("Finished in {time}.", time=words.duration(seconds))
    named = tr("the processor (CPU)") if device == "cpu" else tr("the graphics card (GPU)")
    return tr("Finished in {time}; computed on {device}.", time=words.duration(seconds), device=named)


def _area_lines(title: str, found: Mapping[str, Any]) -> List[str]:
    """Return the area of each class but the background, the largest first."""
    sizes = {name: size for name, size in found.items() if name != BACKGROUND and _is_area(size)}
    parts = [
        f"{class_title(name)} {words.area(size)}"
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:_MOST_CLASSES]
    ]
    return [tr("{title}: {classes}.", title=title, classes=", ".join(parts))] if parts else []


def _is_area(size: Any) -> bool:
    """Whether a value of a record that anybody may have written is an area on earth."""
    return isinstance(size, (int, float)) and 0 <= size < 1e15


def _building_lines(found: "Dict[str, Tuple[int, float]]") -> List[str]:
    total = sum(number for number, _area in found.values())
    if not total:
        return [tr("No buildings were found in the region.")]
    area = words.area(sum(area for _number, area in found.values()))
    head = (
        tr("1 building, {area}.", area=area)
        if total == 1
        else tr("{n} buildings, {area} together.", n=words.number(total), area=area)
    )
    titles = roof_titles()
    parts = [
        f"{words.number(number)} {titles.get(name, name)} ({words.area(size)})"
        for name, (number, size) in found.items()
    ]
    return [head, tr("Roofs: {classes}.", classes=", ".join(parts))]

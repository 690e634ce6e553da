"""What looks wrong before a run: each finding is one sentence that names the layer, and whether it stops the run."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, FrozenSet, List, Optional

from qgis.core import Qgis, QgsRasterBlock, QgsRectangle

from ...engine_link.job import gdal_path
from ...i18n import tr
from ...layers.export import DEFAULT_CAP_MB, MARGIN_M
from . import words
from .ground import area_m2, is_metric, outline_of, pixel_size_m, size_m, transformed
from .guess import dsm_score, facts_of, rgb_score
from .models import ModelInfo

_WHOLE_NUMBERS = (Qgis.DataType.Byte, Qgis.DataType.UInt16)


class Weight(Enum):
    """How much a finding matters."""

    ASKS = "asks"
    """A question is still open: there can be no run yet, but nothing is wrong."""
    STOPS = "stops"
    WARNS = "warns"
    TELLS = "tells"
    DONE = "done"

    @property
    def stops(self) -> bool:
        """Whether there can be no run."""
        return self in (Weight.ASKS, Weight.STOPS)

    @property
    def icon(self) -> str:
        """Name of its icon."""
        return "tells" if self is Weight.ASKS else str(self.value)


@dataclass(frozen=True)
class Finding:
    """One thing that the user should know before the run."""

    weight: Weight
    text: str


@dataclass(frozen=True)
class Inputs:
    """What the page holds: layers (None: not chosen), model, region and GSD."""

    rgb: Any
    dsm: Any
    model: Optional[ModelInfo]
    region: Any
    """Polygon, or None while there is none."""
    region_crs: Any
    region_problem: str
    """Why there is no region; empty if there is one."""
    gsd: Optional[float]
    export_cap_mb: float = DEFAULT_CAP_MB
    """Largest file that may be written for a layer which is no local file."""

    @property
    def kinds(self) -> FrozenSet[str]:
        """The inputs at hand: ``rgb``, ``dsm``."""
        named = (("rgb", self.rgb), ("dsm", self.dsm))
        return frozenset(kind for kind, layer in named if layer is not None)

    @property
    def run_gsd(self) -> Optional[float]:
        """Metres per pixel of the run: what was asked for, else what the model takes over these layers."""
        if self.gsd is not None or self.model is None:
            return self.gsd
        layer = self.dsm if "dsm" in self.model.looks_at(self.kinds) else self.rgb or self.dsm
        return self.model.gsd_over(None if layer is None or is_online(layer) else pixel_size_m(layer))


def check(inputs: Inputs) -> List[Finding]:
    """Return the findings, what stops the run first."""
    findings = _check_presence(inputs)
    for kind, layer in (("RGB", inputs.rgb), ("DSM", inputs.dsm)):
        if layer is not None:
            findings += _check_place(kind, layer)
    findings += _check_swapped(inputs) or (_check_bands(inputs) + _check_heights(inputs))
    if not any(item.weight.stops for item in findings):
        findings += _check_overlap(inputs) + _check_resolution(inputs) + _check_export(inputs)
    order = list(Weight)
    return sorted(findings, key=lambda item: order.index(item.weight))


def _check_presence(inputs: Inputs) -> List[Finding]:
    findings = []
    if not inputs.kinds:
        findings.append(_ask(tr("Choose an RGB layer, a DSM layer, or both.")))
    elif inputs.rgb is not None and inputs.rgb is inputs.dsm:
        findings.append(
            _stop(tr("“{name}” is chosen both as RGB and as DSM: choose two layers.", name=inputs.rgb.name()))
        )
    if inputs.model is None:
        findings.append(_ask(tr("Choose a model.")))
    elif inputs.kinds and not inputs.model.takes(inputs.kinds):
        findings.append(_stop(unfit_text(inputs.model)))
    elif inputs.kinds:
        findings += _check_unseen(inputs.model, inputs.kinds)
    if inputs.region is None:
        findings.append(_ask(inputs.region_problem or tr("Choose a region.")))
    return findings


def unseen_text(model: ModelInfo, kinds: FrozenSet[str]) -> str:
    """Return which of the layers at hand the model does not look at; empty if it looks at all."""
    unseen = kinds - model.looks_at(kinds)
    if "rgb" in unseen:
        return tr("The model “{model}” does not look at the RGB layer.", model=model.label)
    return tr("The model “{model}” does not look at the DSM layer.", model=model.label) if unseen else ""


def _check_unseen(model: ModelInfo, kinds: FrozenSet[str]) -> List[Finding]:
    text = unseen_text(model, kinds)
    if "dsm" in kinds - model.looks_at(kinds) and "building" in model.outputs:
        text += " " + tr("It only serves the heights of buildings.")
    return [_tell(text)] if text else []


def unfit_text(model: ModelInfo) -> str:
    """Return which layers the model needs."""
    names = {
        frozenset({"rgb"}): tr("an RGB layer alone"),
        frozenset({"dsm"}): tr("a DSM layer alone"),
        frozenset({"rgb", "dsm"}): tr("RGB and DSM together"),
    }
    wanted = tr(" or ").join(names[item] for item in model.input_sets if item in names)
    return tr("The model “{model}” needs {wanted}.", model=model.label, wanted=wanted)


def _check_place(kind: str, layer: Any) -> List[Finding]:
    crs = layer.crs()
    if not crs.isValid():
        return [
            _stop(
                tr(
                    "{kind} layer “{name}” has no CRS: set it in the layer's properties, under Source.",
                    kind=kind,
                    name=layer.name(),
                )
            )
        ]
    if crs.isGeographic():
        text = tr(
            "{kind} layer “{name}” is in degrees: it is brought to metres (UTM) for the run.",
            kind=kind,
            name=layer.name(),
        )
        return [_tell(text)]
    if not is_metric(crs) and kind == "RGB":
        text = tr(
            "The units of “{name}” ({crs}) are no true metres: it is brought to UTM for the run.",
            name=layer.name(),
            crs=crs.authid() or crs.description(),
        )
        return [_tell(text)]
    return []


def _check_swapped(inputs: Inputs) -> List[Finding]:
    rgb, dsm = facts_of(inputs.rgb), facts_of(inputs.dsm)
    if rgb and dsm and rgb_score(rgb) <= 0 < dsm_score(rgb) and dsm_score(dsm) <= 0 < rgb_score(dsm):
        return [
            _stop(
                tr(
                    "RGB and DSM look swapped: “{rgb}” holds heights and “{dsm}” is a picture.",
                    rgb=rgb.name,
                    dsm=dsm.name,
                )
            )
        ]
    return []


def _check_bands(inputs: Inputs) -> List[Finding]:
    facts = facts_of(inputs.rgb)
    if facts is None or facts.bands >= 3 or rgb_score(facts) > 0:
        return []
    return [
        _stop(
            tr(
                "RGB layer “{name}” has {n} band(s); red, green and blue are needed.",
                name=facts.name,
                n=facts.bands,
            )
        )
    ]


def _check_heights(inputs: Inputs) -> List[Finding]:
    facts = facts_of(inputs.dsm)
    if facts is None:
        return []
    if facts.bands > 1 and facts.data_type in _WHOLE_NUMBERS:
        return [_stop(tr("DSM layer “{name}” looks like a picture, not like heights in metres.", name=facts.name))]
    if facts.data_type == Qgis.DataType.Byte:
        return [_warn(tr("DSM layer “{name}” holds whole numbers up to 255: are these metres?", name=facts.name))]
    return []


def covered(inputs: Inputs) -> Any:
    """Return the part of the region where all chosen layers lie, in the region's CRS; None if it cannot be told."""
    common = inputs.region
    for outline in _outlines(inputs):
        if common is not None:
            common = None if outline is None else common.intersection(outline)
    return common


def data_box(inputs: Inputs) -> Any:
    """Return the box that holds all chosen layers, in the region's CRS; None if it cannot be told."""
    box = QgsRectangle()
    for outline in _outlines(inputs):
        if outline is None:
            return None
        box.combineExtentWith(outline.boundingBox())
    return None if box.isEmpty() else box


def _outlines(inputs: Inputs) -> List[Any]:
    """Return the outlines of the chosen layers in the region's CRS; None for one that has no place there."""
    layers = (layer for layer in (inputs.rgb, inputs.dsm) if layer is not None)
    return [transformed(outline_of(layer), layer.crs(), inputs.region_crs) for layer in layers]


def _check_overlap(inputs: Inputs) -> List[Finding]:
    for kind, layer in (("RGB", inputs.rgb), ("DSM", inputs.dsm)):
        if layer is None:
            continue
        outline = transformed(outline_of(layer), layer.crs(), inputs.region_crs)
        if outline is None or not outline.intersects(inputs.region):
            return [_stop(tr("The region lies outside the {kind} layer “{name}”.", kind=kind, name=layer.name()))]
    common = covered(inputs)
    if common is None or common.isEmpty() or common.area() <= 0:
        text = tr("“{a}” and “{b}” do not overlap in the region.", a=inputs.rgb.name(), b=inputs.dsm.name())
        return [_stop(text)]
    share = area_m2(common, inputs.region_crs) / max(area_m2(inputs.region, inputs.region_crs), 1e-9)
    if share < 0.98:
        return [
            _tell(tr("Only {n} % of the region has data; the rest stays empty.", n=words.number(max(1, share * 100))))
        ]
    return []


def _check_resolution(inputs: Inputs) -> List[Finding]:
    model, findings = inputs.model, []
    if model is None:
        return []
    asked = inputs.gsd
    if asked is not None and not model.gsd_min - 1e-9 <= asked <= model.gsd_max + 1e-9:
        text = tr(
            "The model “{model}” works at {low} to {high} per pixel, not at {asked}.",
            model=model.label,
            low=words.metres_per_pixel(model.gsd_min),
            high=words.metres_per_pixel(model.gsd_max),
            asked=words.metres_per_pixel(asked),
        )
        findings.append(_stop(text))
    for kind, layer in (("RGB", inputs.rgb), ("DSM", inputs.dsm)):
        pixel = None if layer is None else pixel_size_m(layer)
        # heights are smooth: a DSM may be twice as coarse as the picture before roofs blur
        if pixel is not None and pixel > model.gsd_max * (1.05 if kind == "RGB" else 2.0):
            text = tr(
                "{kind} layer “{name}” has pixels of {size}; the model knows details down to {trained}:"
                " expect poor results.",
                kind=kind,
                name=layer.name(),
                size=words.metres_per_pixel(pixel),
                trained=words.metres_per_pixel(model.gsd_trained),
            )
            findings.append(_warn(text))
    return findings


def is_online(layer: Any) -> bool:
    """Whether a layer is no local file, so that its part in the region is written to one first."""
    return layer is not None and layer.isValid() and gdal_path(layer) is None


def export_megabytes(layer: Any, inputs: Inputs) -> float:
    """Return how large the file for a layer that is no local one will be, before compression, in megabytes."""
    gsd = inputs.gsd or (inputs.model.gsd_trained if inputs.model else 1.0)  # what exports are written at
    width, height = size_m(covered(inputs) or inputs.region)
    pixels = (width + 2 * MARGIN_M) * (height + 2 * MARGIN_M) / gsd**2
    provider = layer.dataProvider()
    sizes = (QgsRasterBlock.typeSize(provider.dataType(band)) for band in range(1, layer.bandCount() + 1))
    return float(pixels * sum(sizes) / 1e6)


def _check_export(inputs: Inputs) -> List[Finding]:
    findings = []
    for layer in (inputs.rgb, inputs.dsm):
        if not is_online(layer):
            continue
        size = words.size(1e6 * export_megabytes(layer, inputs))
        if export_megabytes(layer, inputs) > inputs.export_cap_mb:
            text = tr(
                "“{name}” is no local file; {size} would be written for this region. Choose a smaller region, or raise"
                " the limit under Advanced.",
                name=layer.name(),
                size=size,
            )
            findings.append(_stop(text))
        else:
            text = tr(
                "“{name}” is no local file: its part of {size} is written to one first.", name=layer.name(), size=size
            )
            findings.append(_tell(text))
    return findings


def _ask(text: str) -> Finding:
    return Finding(Weight.ASKS, text)


def _stop(text: str) -> Finding:
    return Finding(Weight.STOPS, text)


def _warn(text: str) -> Finding:
    return Finding(Weight.WARNS, text)


def _tell(text: str) -> Finding:
    return Finding(Weight.TELLS, text)

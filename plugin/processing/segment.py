"""``ridgeline:segment``: two rasters in, styled roofs and land cover out."""

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsGeometry,
    QgsProcessing,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs import BuildingOptions, SegmentJob
from ...engine.jobs.segment import DEFAULT_MODEL
from ..engine_link.engine import ready_engine
from ..engine_link.host import proxy_variables
from ..engine_link.run_job import run_job
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from ..layers.results import extra_kinds
from .base import RidgelineAlgorithm, keywords
from .layer_inputs import PlannedInput, plan_input, ready_input
from .load_results import load_on_completion
from .model_choice import model_gsd, model_hints
from .region_parameters import add_region_parameters, is_given, read_region, region_problem
from .talk import FeedbackListener

DEVICES = ("auto", "cpu", "cuda")
HEIGHT_UNITS = ("auto", "metre", "foot", "us-foot")
LAYER_OUTPUTS = ("BUILDINGS", "ROOF_CLASS", "LAND_COVER", "CONFIDENCE", "HEIGHT_ABOVE_GROUND")
PHASES: Dict[str, float] = {"computing": 60, "buildings": 34, "heights": 1, "writing rasters": 5}


class SegmentAlgorithm(RidgelineAlgorithm):
    """Runs a model over an orthophoto and a surface model.

    Outputs by name: OUTPUT (folder), BUILDINGS, ROOF_CLASS, LAND_COVER, CONFIDENCE, HEIGHT_ABOVE_GROUND (layers, where
    the model gives them), RUN_JSON (file), SUMMARY (JSON as text), BUILDING_COUNT (number).
    """

    ID = "segment"
    RGB, RGB_BANDS, DSM, DSM_BAND, HEIGHT_UNIT = "RGB", "RGB_BANDS", "DSM", "DSM_BAND", "HEIGHT_UNIT"
    MODEL, GSD, DEVICE, THREADS, BATCH = "MODEL", "GSD", "DEVICE", "THREADS", "BATCH"
    OUTLINES, REGULARISE, MIN_AREA, SKIP_EMPTY = "OUTLINES", "REGULARISE", "MIN_AREA", "SKIP_EMPTY"
    KEEP_HEIGHTS, OVERWRITE, EXPORT_CAP_MB, OUTPUT = "KEEP_HEIGHTS", "OVERWRITE", "EXPORT_CAP_MB", "OUTPUT"

    def __init__(self) -> None:
        super().__init__()
        self._job: Optional[SegmentJob] = None
        self._inputs: Dict[str, PlannedInput] = {}

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Segment roofs and land cover")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("segmentation"), tr("land cover"), tr("orthophoto"), tr("DSM"), tr("classification"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("Buildings with their roof types, and land cover, from an orthophoto and a surface model")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Runs a model over an orthophoto (RGB) and a surface model (DSM) and writes buildings as polygons with "
            "roof class, heights, slope and area, and roof class, land cover and confidence as rasters.\n\n"
            "The two rasters may have any CRS and any resolution; one of them is enough if the model can do with it. "
            "A run that was cancelled or broken off continues where it stopped when it is run again with the same "
            "settings and the same output folder.\n\n"
            "Everything is computed on this computer; no image leaves it."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        self._add_inputs()
        add_region_parameters(self)
        model = QgsProcessingParameterString(self.MODEL, tr("Model"), DEFAULT_MODEL, optional=True)
        model.setMetadata({"widget_wrapper": {"value_hints": model_hints()}})
        self.add(model, tr("Name of a model in the library, or the folder of one."))
        self._add_options()
        self.add(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the results")),
            tr("Gets the GeoPackage of buildings, the rasters and run.json."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("BUILDINGS", tr("Buildings"), QgsProcessing.TypeVectorPolygon))
        for name, title in (
            ("ROOF_CLASS", tr("Roof class")),
            ("LAND_COVER", tr("Land cover")),
            ("CONFIDENCE", tr("Confidence")),
            ("HEIGHT_ABOVE_GROUND", tr("Height above ground")),
        ):
            self.addOutput(QgsProcessingOutputRasterLayer(name, title))
        self.addOutput(QgsProcessingOutputFile("RUN_JSON", tr("Report of the run")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))
        self.addOutput(QgsProcessingOutputNumber("BUILDING_COUNT", tr("Number of buildings")))

    def _add_inputs(self) -> None:
        self.add(
            QgsProcessingParameterRasterLayer(self.RGB, tr("RGB"), optional=True),
            tr("Orthophoto with red, green and blue bands. Leave it empty to use heights alone."),
        )
        self.add(
            QgsProcessingParameterRasterLayer(self.DSM, tr("DSM"), optional=True),
            tr("Surface model: heights of roofs, trees and ground. Leave it empty to use the picture alone."),
        )
        self.add(
            QgsProcessingParameterBand(
                self.RGB_BANDS, tr("Red, green and blue band"), None, self.RGB, optional=True, allowMultiple=True
            ),
            tr("Three bands in the order red, green, blue. Empty: found by the bands' colours, else the first three."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterBand(self.DSM_BAND, tr("Band of heights"), None, self.DSM, optional=True),
            tr("The band of the DSM that holds heights. Empty: the first."),
            advanced=True,
        )
        units = QgsProcessingParameterEnum(
            self.HEIGHT_UNIT, tr("Unit of heights"), list(HEIGHT_UNITS), defaultValue="auto", usesStaticStrings=True
        )
        self.add(units, tr("“auto” reads it from the file, else takes metres."), advanced=True)

    def _add_options(self) -> None:
        number, whole = QgsProcessingParameterNumber.Double, QgsProcessingParameterNumber.Integer
        devices = QgsProcessingParameterEnum(
            self.DEVICE, tr("Device"), list(DEVICES), defaultValue="auto", usesStaticStrings=True
        )
        for definition, text in (
            (
                QgsProcessingParameterNumber(self.GSD, tr("Metres per pixel"), number, optional=True, minValue=0.01),
                tr("Ground sampling distance to work at. Empty: the one that the model was trained at."),
            ),
            (devices, tr("“auto” takes the GPU if the engine can use it, else the CPU.")),
            (
                QgsProcessingParameterBoolean(self.OUTLINES, tr("Make building outlines"), True),
                tr("Trace buildings as polygons; needed for heights and roof class by building."),
            ),
            (
                QgsProcessingParameterBoolean(self.REGULARISE, tr("Regular outlines"), True),
                tr("Straight walls and square corners where the data says so."),
            ),
            (
                QgsProcessingParameterNumber(self.MIN_AREA, tr("Smallest building (m²)"), number, 10.0, minValue=0.0),
                tr("Smaller ones are dropped."),
            ),
            (
                QgsProcessingParameterBoolean(self.SKIP_EMPTY, tr("Skip empty ground"), False),
                tr("Saves time in open country: tiles in which nothing stands above the ground are not computed."),
            ),
            (
                QgsProcessingParameterBoolean(self.KEEP_HEIGHTS, tr("Keep heights above ground"), False),
                tr("Writes the heights above ground as a raster, too."),
            ),
            (
                QgsProcessingParameterBoolean(self.OVERWRITE, tr("Replace results in the folder"), False),
                tr("Without it, a folder that holds the results of another run is left as it is."),
            ),
            (
                QgsProcessingParameterNumber(self.THREADS, tr("Threads"), whole, optional=True, minValue=1),
                tr("Processor threads to use. Empty: all."),
            ),
            (
                QgsProcessingParameterNumber(self.BATCH, tr("Tiles at once"), whole, optional=True, minValue=1),
                tr("How many tiles the device computes at once. Empty: chosen by the engine. Fewer need less memory."),
            ),
            (
                QgsProcessingParameterNumber(
                    self.EXPORT_CAP_MB, tr("Largest file for an online layer (MB)"), number, DEFAULT_CAP_MB, minValue=1
                ),
                tr("A layer that is no local file (WMS, XYZ, database) is first written to one; larger are refused."),
            ),
        ):
            self.add(definition, text, advanced=True)

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        if not is_given(parameters, self.RGB) and not is_given(parameters, self.DSM):
            return False, tr("Choose an RGB layer, a DSM layer, or both.")
        problem = region_problem(parameters)
        if problem:
            return False, problem
        bands = self.parameterAsInts(parameters, self.RGB_BANDS, context)
        if is_given(parameters, self.RGB_BANDS) and len(bands) not in (0, 3):
            return False, tr("Choose three bands: red, green and blue, in this order.")
        return super().checkParameterValues(parameters, context)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; layers that are no files are planned for export."""
        region, geometry, crs = read_region(self, parameters, context)
        model = self.parameterAsString(parameters, self.MODEL, context).strip() or DEFAULT_MODEL
        gsd = self._number(parameters, self.GSD, context)
        cap = self.parameterAsDouble(parameters, self.EXPORT_CAP_MB, context)
        unit = self.parameterAsString(parameters, self.HEIGHT_UNIT, context)
        self._inputs = {}
        for key, name, bands, own_unit in (
            ("rgb", self.RGB, self.RGB_BANDS, None),
            ("dsm", self.DSM, self.DSM_BAND, None if unit in ("", "auto") else unit),
        ):
            layer = self.parameterAsRasterLayer(parameters, name, context) if is_given(parameters, name) else None
            if layer is not None:
                chosen = tuple(self.parameterAsInts(parameters, bands, context)) if is_given(parameters, bands) else ()
                box, box_crs = (
                    (geometry, crs) if geometry is not None else self._other_extent(parameters, name, context)
                )
                self._inputs[key] = plan_input(
                    layer, chosen, own_unit, box, box_crs, gsd or model_gsd(model), context, cap
                )
        self._job = SegmentJob(
            out=self.parameterAsString(parameters, self.OUTPUT, context),
            region=region,
            model=model,
            gsd=gsd,
            device=self.parameterAsString(parameters, self.DEVICE, context) or "auto",
            batch=self._whole(parameters, self.BATCH, context),
            threads=self._whole(parameters, self.THREADS, context),
            skip_empty=self.parameterAsBool(parameters, self.SKIP_EMPTY, context),
            keep_heights=self.parameterAsBool(parameters, self.KEEP_HEIGHTS, context),
            overwrite=self.parameterAsBool(parameters, self.OVERWRITE, context),
            buildings=BuildingOptions(
                enabled=self.parameterAsBool(parameters, self.OUTLINES, context),
                regularise=self.parameterAsBool(parameters, self.REGULARISE, context),
                min_area_m2=self.parameterAsDouble(parameters, self.MIN_AREA, context),
            ),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, and name what it made."""
        if self._job is None:
            raise RuntimeError("work without prepare_work")
        ready = {key: ready_input(item, self._job.out, context, feedback) for key, item in self._inputs.items()}
        job = replace(self._job, rgb=ready.get("rgb"), dsm=ready.get("dsm"))
        listener = FeedbackListener(feedback, PHASES)
        result = run_job(ready_engine(proxy_variables()), "segment", job, listener, feedback.isCanceled)
        extra = extra_kinds(result.outputs)
        load_on_completion(result.outputs, context, {kind.name: kind.title for kind in extra})
        outputs = {name.upper(): path for name, path in result.outputs.items()}
        return {
            **{name: outputs[name] for name in LAYER_OUTPUTS if name in outputs},
            **{kind.name.upper(): result.outputs[kind.name] for kind in extra},
            "OUTPUT": job.out,
            "RUN_JSON": result.outputs.get("run", ""),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
            "BUILDING_COUNT": building_count(result.summary),
        }

    def _other_extent(self, parameters: Dict[str, Any], name: str, context: Any) -> Tuple[Any, Any]:
        """Return the extent of the other input and its CRS, which bounds the run where no region was given."""
        other = self.DSM if name == self.RGB else self.RGB
        layer = self.parameterAsRasterLayer(parameters, other, context) if is_given(parameters, other) else None
        return (None, None) if layer is None else (QgsGeometry.fromRect(layer.extent()), layer.crs())

    def _number(self, parameters: Dict[str, Any], name: str, context: Any) -> Optional[float]:
        return self.parameterAsDouble(parameters, name, context) if is_given(parameters, name) else None

    def _whole(self, parameters: Dict[str, Any], name: str, context: Any) -> Optional[int]:
        return self.parameterAsInt(parameters, name, context) if is_given(parameters, name) else None


def building_count(summary: Dict[str, Any]) -> int:
    """Return the number of buildings that a summary states, 0 if it states none."""
    value = summary.get("buildings", 0)
    if isinstance(value, dict):
        value = value.get("count", 0)
    return int(value) if isinstance(value, (int, float)) else 0

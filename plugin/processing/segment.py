"""``ridgeline:segment``: two rasters in, styled roofs and land cover out."""

import json
from typing import Any, ClassVar, Dict, List, Optional, Tuple

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
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
)

from ...engine.jobs import BuildingOptions, SegmentJob
from ...engine.jobs.segment import DEFAULT_MODEL
from ..i18n import tr
from ..layers.results import extra_kinds
from . import parameters as shared
from .base import keywords
from .job_algorithm import JobAlgorithm, pair_problem
from .layer_inputs import plan_input
from .load_results import load_on_completion
from .model_choice import model_gsd
from .region_parameters import add_region_parameters, is_given, read_region, region_problem

LAYER_OUTPUTS = ("BUILDINGS", "ROOF_CLASS", "LAND_COVER", "CONFIDENCE", "HEIGHT_ABOVE_GROUND")


class SegmentAlgorithm(JobAlgorithm):
    """Runs a model over an orthophoto and a surface model.

    Outputs by name: OUTPUT (folder), BUILDINGS, ROOF_CLASS, LAND_COVER, CONFIDENCE, HEIGHT_ABOVE_GROUND (layers, where
    the model gives them), RUN_JSON (file), SUMMARY (JSON as text), BUILDING_COUNT (number).
    """

    ID = KIND = "segment"
    PHASES: ClassVar[Dict[str, float]] = {"computing": 60, "buildings": 34, "heights": 1, "writing rasters": 5}
    RGB_BANDS, BATCH, OUTLINES = "RGB_BANDS", "BATCH", "OUTLINES"
    SKIP_EMPTY, KEEP_HEIGHTS = "SKIP_EMPTY", "KEEP_HEIGHTS"

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
        self.add(*shared.model(tr("Model"), tr("Name of a model in the library.")))
        self._add_options()
        self.add(
            QgsProcessingParameterFolderDestination(shared.OUTPUT, tr("Folder for the results")),
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
        self.add(*shared.rgb(tr("A picture from above with red, green and blue. Leave it empty to use heights alone.")))
        self.add(*shared.dsm(tr("Heights of roofs, trees and ground. Leave it empty to use the picture alone.")))
        bands = QgsProcessingParameterBand(
            self.RGB_BANDS, tr("Red, green and blue band"), None, shared.RGB, optional=True, allowMultiple=True
        )
        self.add_options(
            (
                bands,
                tr("Three bands, in this order. Empty: found by the bands' colours, else the first three."),
            ),
            shared.height_band(),
            shared.height_unit(),
        )

    def _add_options(self) -> None:
        whole = QgsProcessingParameterNumber.Integer
        self.add_options(
            shared.gsd(tr("Side of a pixel on the ground while the model works. Empty: what suits model and layers.")),
            shared.device(),
            shared.looks(),
            (
                QgsProcessingParameterBoolean(self.OUTLINES, tr("Make building outlines"), True),
                tr("One polygon for each building; needed for heights and a roof class by building."),
            ),
            shared.regularise(),
            shared.min_area(),
            shared.min_confidence(),
            (
                QgsProcessingParameterBoolean(self.SKIP_EMPTY, tr("Skip empty ground"), False),
                tr("Saves time in open country: where nothing stands above the ground, nothing is computed."),
            ),
            (
                QgsProcessingParameterBoolean(self.KEEP_HEIGHTS, tr("Keep heights above ground"), False),
                tr("Writes the heights above ground as a raster, too."),
            ),
            shared.overwrite(),
            shared.threads(),
            (
                QgsProcessingParameterNumber(self.BATCH, tr("Tiles at once"), whole, optional=True, minValue=1),
                tr("Pieces of the map that are computed at once: fewer need less memory. Empty: the engine decides."),
            ),
            shared.export_cap(),
        )

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        problem = pair_problem(parameters) or region_problem(parameters)
        if problem:
            return False, problem
        bands = self.parameterAsInts(parameters, self.RGB_BANDS, context)
        if is_given(parameters, self.RGB_BANDS) and len(bands) not in (0, 3):
            return False, tr("Choose three bands: red, green and blue, in this order.")
        return super().checkParameterValues(parameters, context)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; layers that are no files are planned for export."""
        region, geometry, crs = read_region(self, parameters, context)
        model = self.parameterAsString(parameters, shared.MODEL, context).strip() or DEFAULT_MODEL
        gsd = self.number(parameters, shared.GSD, context)
        cap = self.parameterAsDouble(parameters, shared.EXPORT_CAP_MB, context)
        self._inputs = {}
        for key, name, bands, own_unit in (
            ("rgb", shared.RGB, self.RGB_BANDS, None),
            ("dsm", shared.DSM, shared.DSM_BAND, self.unit(parameters, context)),
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
            out=self.parameterAsString(parameters, shared.OUTPUT, context),
            region=region,
            model=model,
            gsd=gsd,
            device=self.parameterAsString(parameters, shared.DEVICE, context) or "auto",
            looks=_number_of_looks(self.parameterAsString(parameters, shared.LOOKS, context)),
            batch=self.whole(parameters, self.BATCH, context),
            threads=self.whole(parameters, shared.THREADS, context),
            skip_empty=self.parameterAsBool(parameters, self.SKIP_EMPTY, context),
            keep_heights=self.parameterAsBool(parameters, self.KEEP_HEIGHTS, context),
            overwrite=self.parameterAsBool(parameters, shared.OVERWRITE, context),
            buildings=BuildingOptions(
                enabled=self.parameterAsBool(parameters, self.OUTLINES, context),
                regularise=self.parameterAsBool(parameters, shared.REGULARISE, context),
                min_area_m2=self.parameterAsDouble(parameters, shared.MIN_AREA, context),
                min_confidence=self.number(parameters, shared.MIN_CONFIDENCE, context),
            ),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, and name what it made."""
        job, result = self.run_engine(context, feedback)
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
        other = shared.DSM if name == shared.RGB else shared.RGB
        layer = self.parameterAsRasterLayer(parameters, other, context) if is_given(parameters, other) else None
        return (None, None) if layer is None else (QgsGeometry.fromRect(layer.extent()), layer.crs())


def _number_of_looks(text: str) -> Optional[int]:
    """Return a number of looks, None where the model decides."""
    return None if text in ("", "auto") else int(text)


def building_count(summary: Dict[str, Any]) -> int:
    """Return the number of buildings that a summary states, 0 if it states none."""
    value = summary.get("buildings", 0)
    if isinstance(value, dict):
        value = value.get("count", 0)
    return int(value) if isinstance(value, (int, float)) else 0

"""``ridgeline:buildings``: polygons, with attributes, of the buildings in a class raster."""

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs import BuildingOptions, ErrorCode, RasterInput, RidgelineError
from ...engine.jobs.buildings import BuildingsJob
from ..engine_link.engine import ready_engine
from ..engine_link.host import proxy_variables
from ..engine_link.run_job import run_job
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from .base import RidgelineAlgorithm, keywords
from .layer_inputs import PlannedInput, plan_input, ready_input
from .load_results import load_on_completion
from .region_parameters import add_region_parameters, is_given, read_region, region_problem
from .segment import building_count
from .talk import FeedbackListener

_USUAL_GSD = 0.25


class BuildingsAlgorithm(RidgelineAlgorithm):
    """Traces the buildings of a class raster.

    Outputs by name: OUTPUT (folder), BUILDINGS (layer), BUILDING_COUNT (number), SUMMARY (JSON as text).
    """

    ID = "buildings"
    CLASSES, IDS, ROOF_CLASSES, DSM = "CLASSES", "BUILDING_IDS", "ROOF_CLASSES", "DSM"
    REGULARISE, TOLERANCE, MIN_AREA, MIN_HOLE = "REGULARISE", "TOLERANCE", "MIN_AREA", "MIN_HOLE"
    OVERWRITE, OUTPUT = "OVERWRITE", "OUTPUT"

    def __init__(self) -> None:
        super().__init__()
        self._job: Optional[BuildingsJob] = None
        self._inputs: Dict[str, PlannedInput] = {}

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Building outlines from a class raster")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("polygon"), tr("vectorise"), tr("outline"), tr("footprint"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("One polygon for each building of a class raster, with regular outlines and heights")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Makes one polygon of each building in a raster of classes: small specks are dropped, small holes filled, "
            "and outlines get straight walls and square corners where the data says so. With a raster of roof classes "
            "each building gets the class that most of it has; with a surface model it gets heights and slopes."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        number = QgsProcessingParameterNumber.Double
        defaults = BuildingOptions()
        self.add(
            QgsProcessingParameterRasterLayer(self.CLASSES, tr("Class raster")),
            tr("A raster of whole numbers, such as land_cover.tif of a run."),
        )
        self.add(
            QgsProcessingParameterString(self.IDS, tr("Numbers that mean building"), optional=True),
            tr("Separated by commas. Empty: the class that the raster names “building”, else every number but nodata."),
        )
        for name, title, text in (
            (self.ROOF_CLASSES, tr("Roof class raster"), tr("Gives each building its roof class.")),
            (self.DSM, tr("DSM"), tr("Surface model: gives each building heights, slope and volume.")),
        ):
            self.add(QgsProcessingParameterRasterLayer(name, title, optional=True), text)
        add_region_parameters(self)
        for definition, text in (
            (
                QgsProcessingParameterBoolean(self.REGULARISE, tr("Regular outlines"), defaults.regularise),
                tr("Straight walls and square corners where the data says so."),
            ),
            (
                QgsProcessingParameterNumber(
                    self.TOLERANCE, tr("Tolerance (m)"), number, defaults.tolerance_m, minValue=0.0
                ),
                tr("How far a regular outline may lie from the raw one."),
            ),
            (
                QgsProcessingParameterNumber(
                    self.MIN_AREA, tr("Smallest building (m²)"), number, defaults.min_area_m2, minValue=0.0
                ),
                tr("Smaller ones are dropped."),
            ),
            (
                QgsProcessingParameterNumber(
                    self.MIN_HOLE, tr("Smallest hole (m²)"), number, defaults.min_hole_m2, minValue=0.0
                ),
                tr("Smaller ones are filled."),
            ),
            (
                QgsProcessingParameterBoolean(self.OVERWRITE, tr("Replace results in the folder"), False),
                tr("Without it, results that are in the folder are left as they are."),
            ),
        ):
            self.add(definition, text, advanced=True)
        self.add(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the results")),
            tr("Gets buildings.gpkg."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("BUILDINGS", tr("Buildings"), QgsProcessing.TypeVectorPolygon))
        self.addOutput(QgsProcessingOutputNumber("BUILDING_COUNT", tr("Number of buildings")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        problem = region_problem(parameters)
        if not problem:
            try:
                parse_ids(self.parameterAsString(parameters, self.IDS, context))
            except RidgelineError as fault:
                problem = str(fault)
        return (False, problem) if problem else super().checkParameterValues(parameters, context)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job."""
        region, geometry, crs = read_region(self, parameters, context)
        self._inputs = {}
        for key, name in (("classes", self.CLASSES), ("roof_classes", self.ROOF_CLASSES), ("dsm", self.DSM)):
            if is_given(parameters, name):
                layer = self.parameterAsRasterLayer(parameters, name, context)
                self._inputs[key] = plan_input(layer, (), None, geometry, crs, _USUAL_GSD, context, DEFAULT_CAP_MB)
        self._job = BuildingsJob(
            out=self.parameterAsString(parameters, self.OUTPUT, context),
            classes=RasterInput(""),
            building=parse_ids(self.parameterAsString(parameters, self.IDS, context)),
            region=region,
            overwrite=self.parameterAsBool(parameters, self.OVERWRITE, context),
            options=BuildingOptions(
                regularise=self.parameterAsBool(parameters, self.REGULARISE, context),
                tolerance_m=self.parameterAsDouble(parameters, self.TOLERANCE, context),
                min_area_m2=self.parameterAsDouble(parameters, self.MIN_AREA, context),
                min_hole_m2=self.parameterAsDouble(parameters, self.MIN_HOLE, context),
            ),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Run the engine and name what it made."""
        if self._job is None:
            raise RuntimeError("work without prepare_work")
        ready = {key: ready_input(item, self._job.out, context, feedback) for key, item in self._inputs.items()}
        job = replace(self._job, **ready)  # type: ignore[arg-type]
        result = run_job(
            ready_engine(proxy_variables()), "buildings", job, FeedbackListener(feedback), feedback.isCanceled
        )
        load_on_completion(result.outputs, context)
        return {
            "OUTPUT": job.out,
            "BUILDINGS": result.outputs.get("buildings", ""),
            "BUILDING_COUNT": building_count(result.summary),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
        }


def parse_ids(text: str) -> Tuple[int, ...]:
    """Return the whole numbers of a comma-separated text.

    Raises:
        RidgelineError: (BAD_JOB) naming what is no number.
    """
    numbers = []
    for word in text.replace(";", ",").split(","):
        if word.strip():
            try:
                numbers.append(int(word))
            except ValueError:
                raise RidgelineError(
                    ErrorCode.BAD_JOB,
                    tr("“{word}” is no whole number.", word=word.strip()),
                    tr("Give class numbers separated by commas, such as 2 or 2,5."),
                ) from None
    return tuple(numbers)

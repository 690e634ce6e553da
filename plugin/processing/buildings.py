"""``ridgeline:buildings``: polygons, with attributes, of the buildings in a class raster."""

import json
from typing import Any, Dict, List, Tuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs import BuildingOptions, ErrorCode, RasterInput, RidgelineError
from ...engine.jobs.buildings import BuildingsJob
from ..i18n import tr
from . import parameters as shared
from .base import keywords
from .job_algorithm import JobAlgorithm
from .load_results import load_on_completion
from .region_parameters import add_region_parameters, read_region, region_problem
from .segment import building_count

_USUAL_GSD = 0.25


class BuildingsAlgorithm(JobAlgorithm):
    """Traces the buildings of a class raster.

    Outputs by name: OUTPUT (folder), BUILDINGS (layer), BUILDING_COUNT (number), SUMMARY (JSON as text).
    """

    ID = KIND = "buildings"
    CLASSES, IDS, ROOF_CLASSES = "CLASSES", "BUILDING_IDS", "ROOF_CLASSES"
    TOLERANCE, MIN_HOLE = "TOLERANCE", "MIN_HOLE"

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
        self.add(
            QgsProcessingParameterRasterLayer(self.ROOF_CLASSES, tr("Roof class raster"), optional=True),
            tr("Gives each building its roof class."),
        )
        self.add(*shared.dsm(tr("Gives each building heights, slope and volume.")))
        add_region_parameters(self)
        self.add_options(
            shared.regularise(defaults.regularise),
            (
                QgsProcessingParameterNumber(
                    self.TOLERANCE, tr("Tolerance (m)"), number, defaults.tolerance_m, minValue=0.0
                ),
                tr("How far a regular outline may lie from the raw one."),
            ),
            shared.min_area(defaults.min_area_m2),
            (
                QgsProcessingParameterNumber(
                    self.MIN_HOLE, tr("Smallest hole (m²)"), number, defaults.min_hole_m2, minValue=0.0
                ),
                tr("Smaller ones are filled."),
            ),
            shared.overwrite(),
        )
        self.add(
            QgsProcessingParameterFolderDestination(shared.OUTPUT, tr("Folder for the results")),
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
        names = {"classes": self.CLASSES, "roof_classes": self.ROOF_CLASSES, "dsm": shared.DSM}
        self.plan(parameters, context, names, _USUAL_GSD, geometry, crs)
        self._job = BuildingsJob(
            out=self.parameterAsString(parameters, shared.OUTPUT, context),
            classes=RasterInput(""),
            building=parse_ids(self.parameterAsString(parameters, self.IDS, context)),
            region=region,
            overwrite=self.parameterAsBool(parameters, shared.OVERWRITE, context),
            options=BuildingOptions(
                regularise=self.parameterAsBool(parameters, shared.REGULARISE, context),
                tolerance_m=self.parameterAsDouble(parameters, self.TOLERANCE, context),
                min_area_m2=self.parameterAsDouble(parameters, shared.MIN_AREA, context),
                min_hole_m2=self.parameterAsDouble(parameters, self.MIN_HOLE, context),
            ),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Run the engine and name what it made."""
        job, result = self.run_engine(context, feedback)
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

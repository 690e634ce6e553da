"""``ridgeline:groundheights``: the ground under a surface model, and the heights above it."""

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from ...engine.jobs import RasterInput
from ...engine.jobs.ground import GroundJob
from ..engine_link.engine import ready_engine
from ..engine_link.host import proxy_variables
from ..engine_link.run_job import run_job
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from .base import RidgelineAlgorithm, keywords
from .layer_inputs import PlannedInput, plan_input, ready_input
from .load_results import load_on_completion
from .region_parameters import add_region_parameters, is_given, read_region, region_problem
from .segment import HEIGHT_UNITS
from .talk import FeedbackListener

PHASES = {"finding the ground": 92.0, "writing rasters": 8.0}
_USUAL_GSD = 0.5
"""Metres per pixel at which an online surface model is written where none is asked for."""


class GroundHeightsAlgorithm(RidgelineAlgorithm):
    """Finds the ground in a surface model.

    Outputs by name: OUTPUT (folder), GROUND, HEIGHT_ABOVE_GROUND (layers), SUMMARY (JSON as text).
    """

    ID = "groundheights"
    DSM, DSM_BAND, HEIGHT_UNIT = "DSM", "DSM_BAND", "HEIGHT_UNIT"
    GSD, OVERWRITE, EXPORT_CAP_MB, OUTPUT = "GSD", "OVERWRITE", "EXPORT_CAP_MB", "OUTPUT"

    def __init__(self) -> None:
        super().__init__()
        self._job: Optional[GroundJob] = None
        self._input: Optional[PlannedInput] = None

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Ground and heights above it")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("DSM"), tr("DTM"), tr("nDSM"), tr("terrain"), tr("height"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("The ground under a surface model, and how high things stand above it")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Finds the ground (DTM) in a surface model (DSM) alone, by removing what stands on it, and subtracts it: "
            "the result is the height above ground (nDSM) of buildings and trees. Works on surfaces of any size."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        number = QgsProcessingParameterNumber.Double
        self.add(
            QgsProcessingParameterRasterLayer(self.DSM, tr("DSM")),
            tr("Surface model: heights of roofs, trees and ground."),
        )
        add_region_parameters(self)
        for definition, text in (
            (
                QgsProcessingParameterBand(self.DSM_BAND, tr("Band of heights"), None, self.DSM, optional=True),
                tr("The band of the DSM that holds heights. Empty: the first."),
            ),
            (
                QgsProcessingParameterEnum(
                    self.HEIGHT_UNIT,
                    tr("Unit of heights"),
                    list(HEIGHT_UNITS),
                    defaultValue="auto",
                    usesStaticStrings=True,
                ),
                tr("“auto” reads it from the file, else takes metres. Results are in metres."),
            ),
            (
                QgsProcessingParameterNumber(self.GSD, tr("Metres per pixel"), number, optional=True, minValue=0.01),
                tr("Ground sampling distance of the results. Empty: that of the DSM."),
            ),
            (
                QgsProcessingParameterBoolean(self.OVERWRITE, tr("Replace results in the folder"), False),
                tr("Without it, results that are in the folder are left as they are."),
            ),
            (
                QgsProcessingParameterNumber(
                    self.EXPORT_CAP_MB, tr("Largest file for an online layer (MB)"), number, DEFAULT_CAP_MB, minValue=1
                ),
                tr("A layer that is no local file is first written to one; larger ones are refused."),
            ),
        ):
            self.add(definition, text, advanced=True)
        self.add(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the results")),
            tr("Gets ground.tif and height_above_ground.tif."),
        )
        self.addOutput(QgsProcessingOutputRasterLayer("GROUND", tr("Ground")))
        self.addOutput(QgsProcessingOutputRasterLayer("HEIGHT_ABOVE_GROUND", tr("Height above ground")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        problem = region_problem(parameters)
        return (False, problem) if problem else super().checkParameterValues(parameters, context)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layer and options into a job."""
        region, geometry, crs = read_region(self, parameters, context)
        gsd = self.parameterAsDouble(parameters, self.GSD, context) if is_given(parameters, self.GSD) else None
        unit = self.parameterAsString(parameters, self.HEIGHT_UNIT, context)
        bands = (
            (self.parameterAsInt(parameters, self.DSM_BAND, context),) if is_given(parameters, self.DSM_BAND) else ()
        )
        self._input = plan_input(
            self.parameterAsRasterLayer(parameters, self.DSM, context),
            bands,
            None if unit in ("", "auto") else unit,
            geometry,
            crs,
            gsd or _USUAL_GSD,
            context,
            self.parameterAsDouble(parameters, self.EXPORT_CAP_MB, context),
        )
        self._job = GroundJob(
            out=self.parameterAsString(parameters, self.OUTPUT, context),
            dsm=RasterInput(""),
            region=region,
            gsd=gsd,
            overwrite=self.parameterAsBool(parameters, self.OVERWRITE, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Run the engine and name what it made."""
        if self._job is None or self._input is None:
            raise RuntimeError("work without prepare_work")
        job = replace(self._job, dsm=ready_input(self._input, self._job.out, context, feedback))
        listener = FeedbackListener(feedback, PHASES)
        result = run_job(ready_engine(proxy_variables()), "ground", job, listener, feedback.isCanceled)
        load_on_completion(result.outputs, context, {"ground": tr("Ground")})
        return {
            "OUTPUT": job.out,
            "GROUND": result.outputs.get("ground", ""),
            "HEIGHT_ABOVE_GROUND": result.outputs.get("height_above_ground", ""),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
        }

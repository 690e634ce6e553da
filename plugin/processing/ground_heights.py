"""``ridgeline:groundheights``: the ground under a surface model, and the heights above it."""

import json
from typing import Any, ClassVar, Dict, List, Tuple

from qgis.core import (
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingParameterFolderDestination,
)

from ...engine.jobs import RasterInput
from ...engine.jobs.ground import GroundJob
from ..i18n import tr
from . import parameters as shared
from .base import keywords
from .job_algorithm import JobAlgorithm
from .layer_inputs import plan_input
from .load_results import load_on_completion
from .region_parameters import add_region_parameters, read_region, region_problem

_USUAL_GSD = 0.5
"""Metres per pixel at which an online surface model is written where none is asked for."""


class GroundHeightsAlgorithm(JobAlgorithm):
    """Finds the ground in a surface model.

    Outputs by name: OUTPUT (folder), GROUND, HEIGHT_ABOVE_GROUND (layers), SUMMARY (JSON as text).
    """

    ID, KIND = "groundheights", "ground"
    PHASES: ClassVar[Dict[str, float]] = {"finding the ground": 92.0, "writing rasters": 8.0}

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
        self.add(*shared.dsm(tr("Heights of roofs, trees and ground."), optional=False))
        add_region_parameters(self)
        self.add_options(
            shared.height_band(),
            shared.height_unit(),
            shared.gsd(tr("Side of a pixel of the results on the ground. Empty: that of the surface model.")),
            shared.overwrite(),
            shared.export_cap(),
        )
        self.add(
            QgsProcessingParameterFolderDestination(shared.OUTPUT, tr("Folder for the results")),
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
        gsd = self.number(parameters, shared.GSD, context)
        band = self.whole(parameters, shared.DSM_BAND, context)
        self._inputs["dsm"] = plan_input(
            self.parameterAsRasterLayer(parameters, shared.DSM, context),
            () if band is None else (band,),
            self.unit(parameters, context),
            geometry,
            crs,
            gsd or _USUAL_GSD,
            context,
            self.parameterAsDouble(parameters, shared.EXPORT_CAP_MB, context),
        )
        self._job = GroundJob(
            out=self.parameterAsString(parameters, shared.OUTPUT, context),
            dsm=RasterInput(""),
            region=region,
            gsd=gsd,
            overwrite=self.parameterAsBool(parameters, shared.OVERWRITE, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Run the engine and name what it made."""
        job, result = self.run_engine(context, feedback)
        load_on_completion(result.outputs, context, {"ground": tr("Ground")})
        return {
            "OUTPUT": job.out,
            "GROUND": result.outputs.get("ground", ""),
            "HEIGHT_ABOVE_GROUND": result.outputs.get("height_above_ground", ""),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
        }

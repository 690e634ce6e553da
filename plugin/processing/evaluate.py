"""``ridgeline:evaluate``: what a model finds, compared with polygons."""

import json
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Tuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
)

from ...engine.jobs.evaluate import EvaluateJob
from ..i18n import tr
from . import parameters as shared
from .base import keywords
from .labelled_algorithm import NO_POLYGONS, LabelledAlgorithm
from .load_results import load_on_completion
from .polygon_inputs import AREA
from .region_parameters import is_given
from .segment import SegmentAlgorithm


class EvaluateAlgorithm(LabelledAlgorithm):
    """Compares a model with polygons.

    Outputs by name: OUTPUT (folder), ERRORS (layer), REPORT, TABLE, PICTURE (files), MEAN_IOU (number), SUMMARY (JSON
    as text).
    """

    ID = KIND = "evaluate"
    PHASES: ClassVar[Dict[str, float]] = {**SegmentAlgorithm.PHASES, "comparing": 10}
    TRUTH, SPARSE = "TRUTH", "SPARSE"

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Evaluate a model against polygons")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("accuracy"), tr("confusion matrix"), tr("IoU"), tr("validation"), tr("truth"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("How good a model is: scores, a confusion matrix, and a layer of its errors")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Runs a model where polygons say what is there, and compares. For each class it tells how well found and "
            "true areas cover each other (IoU, 1 where they are the same; F1 likewise), how much of what was found is "
            "right (precision) and how much of what is there was found (recall). The confusion matrix tells, as a "
            "table and a picture, which classes are taken for which; a layer shows what was missed, invented or given "
            "the wrong class. A building counts as found if it overlaps by half or more; of one that the rasters cut "
            "off, what they show counts.\n\n"
            "Do not judge a model by polygons that it has learned from."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        model = shared.model(tr("Model"), tr("Name of a model in the library."))
        self.add_labelled_inputs(self.TRUTH, tr("True polygons"), tr("Polygons that say what is where."), model)
        self.add_options(
            (
                QgsProcessingParameterBoolean(self.SPARSE, tr("Only what lies in polygons is known"), False),
                tr("Without it and without an area, everything in the box around the polygons counts as labelled."),
            ),
            shared.gsd(tr("Side of a pixel on the ground while the model works. Empty: what suits model and layers.")),
            shared.device(),
            shared.overwrite(
                tr("Replace the evaluation in the folder"),
                tr("Without it, an evaluation that is in the folder is left as it is."),
            ),
        )
        self.add(
            QgsProcessingParameterFolderDestination(shared.OUTPUT, tr("Folder for the report")),
            tr("Gets evaluation.json, evaluation.md, confusion.svg, errors.gpkg, and the run itself."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("ERRORS", tr("Errors"), QgsProcessing.TypeVectorPolygon))
        for name, title in (
            ("REPORT", tr("Report as JSON")),
            ("TABLE", tr("Report as a page")),
            ("PICTURE", tr("Confusion matrix")),
        ):
            self.addOutput(QgsProcessingOutputFile(name, title))
        self.addOutput(QgsProcessingOutputNumber("MEAN_IOU", tr("Mean IoU of the classes (0 to 1)")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        if is_given(parameters, AREA) and self.parameterAsBool(parameters, self.SPARSE, context):
            return False, tr("Give an area in which everything is labelled, or say that only polygons count; not both.")
        return super().checkParameterValues(parameters, context)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; polygons are read here, in the main thread."""
        self._job = EvaluateJob(
            **self.read_labelled(parameters, self.TRUTH, context),
            truth=NO_POLYGONS,
            sparse=self.parameterAsBool(parameters, self.SPARSE, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, say the scores, and name what it made."""
        truth, area = self.written_polygons()
        job, result = self.run_engine(context, feedback, truth=truth, area=area)
        table = Path(result.outputs.get("table", ""))
        if table.is_file():
            feedback.pushInfo(table.read_text(encoding="utf-8"))
        load_on_completion(result.outputs, context, {"errors": tr("Errors of the model")})
        names = ("errors", "report", "table", "picture")
        return {
            **{name.upper(): result.outputs.get(name, "") for name in names},
            "OUTPUT": job.out,
            "MEAN_IOU": float(result.summary.get("mean_iou") or 0.0),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
        }

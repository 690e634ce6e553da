"""``ridgeline:evaluate``: what a model finds, compared with polygons."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputFile,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs.evaluate import EvaluateJob
from ...engine.jobs.finetune import PolygonLayer
from ...engine.jobs.segment import DEFAULT_MODEL
from ..engine_link.engine import ready_engine
from ..engine_link.host import proxy_variables
from ..engine_link.run_job import run_job
from ..i18n import tr
from ..layers.export import DEFAULT_CAP_MB
from .base import RidgelineAlgorithm, keywords
from .layer_inputs import PlannedInput, plan_input, ready_input
from .load_results import load_on_completion
from .model_choice import model_gsd, model_hints
from .polygon_inputs import (
    AREA,
    FIELD,
    PlannedPolygons,
    add_label_parameters,
    plan_polygons,
    read_classes,
    ready_polygons,
)
from .region_parameters import is_given
from .segment import DEVICES
from .segment import PHASES as RUN_PHASES
from .talk import FeedbackListener

PHASES: Dict[str, float] = {**RUN_PHASES, "comparing": 10}
_NO_TRUTH = PolygonLayer("")


class EvaluateAlgorithm(RidgelineAlgorithm):
    """Compares a model with polygons.

    Outputs by name: OUTPUT (folder), ERRORS (layer), REPORT, TABLE, PICTURE (files), MEAN_IOU (number), SUMMARY (JSON
    as text).
    """

    ID = "evaluate"
    RGB, DSM, TRUTH, SPARSE = "RGB", "DSM", "TRUTH", "SPARSE"
    MODEL, GSD, DEVICE, OVERWRITE, OUTPUT = "MODEL", "GSD", "DEVICE", "OVERWRITE", "OUTPUT"

    def __init__(self) -> None:
        super().__init__()
        self._job: Optional[EvaluateJob] = None
        self._inputs: Dict[str, PlannedInput] = {}
        self._truth: Optional[PlannedPolygons] = None
        self._area: Optional[PlannedPolygons] = None

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
            "Runs a model where polygons say what is there, and compares: IoU, F1, precision and recall of each class, "
            "the confusion matrix as a table and a picture, how many buildings were found (those that overlap by half "
            "or more), and a layer of what was missed, invented or given the wrong class.\n\n"
            "Do not judge a model by polygons that it has learned from."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        for name, title, text in (
            (self.RGB, tr("RGB"), tr("Orthophoto with red, green and blue bands.")),
            (self.DSM, tr("DSM"), tr("Surface model: heights of roofs, trees and ground.")),
        ):
            self.add(QgsProcessingParameterRasterLayer(name, title, optional=True), text)
        add_label_parameters(self, self.TRUTH, tr("True polygons"), tr("Polygons that say what is where."))
        model = QgsProcessingParameterString(self.MODEL, tr("Model"), DEFAULT_MODEL, optional=True)
        model.setMetadata({"widget_wrapper": {"value_hints": model_hints()}})
        self.add(model, tr("Name of a model in the library."))
        devices = QgsProcessingParameterEnum(
            self.DEVICE, tr("Device"), list(DEVICES), defaultValue="auto", usesStaticStrings=True
        )
        number = QgsProcessingParameterNumber.Double
        for definition, text in (
            (
                QgsProcessingParameterBoolean(self.SPARSE, tr("Only what lies in polygons is known"), False),
                tr("Without it and without an area, everything in the box around the polygons counts as labelled."),
            ),
            (
                QgsProcessingParameterNumber(self.GSD, tr("Metres per pixel"), number, optional=True, minValue=0.01),
                tr("Ground sampling distance to work at. Empty: that of the model."),
            ),
            (devices, tr("“auto” takes the GPU if the engine can use it, else the CPU.")),
            (
                QgsProcessingParameterBoolean(self.OVERWRITE, tr("Replace the evaluation in the folder"), False),
                tr("Without it, an evaluation that is in the folder is left as it is."),
            ),
        ):
            self.add(definition, text, advanced=True)
        self.add(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the report")),
            tr("Gets evaluation.json, evaluation.md, confusion.svg, errors.gpkg, and the run itself."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("ERRORS", tr("Errors"), QgsProcessing.TypeVectorPolygon))
        for name, title in (
            ("REPORT", tr("Report as JSON")),
            ("TABLE", tr("Report as a page")),
            ("PICTURE", tr("Confusion matrix")),
        ):
            self.addOutput(QgsProcessingOutputFile(name, title))
        self.addOutput(QgsProcessingOutputNumber("MEAN_IOU", tr("Mean IoU")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        if not is_given(parameters, self.RGB) and not is_given(parameters, self.DSM):
            return False, tr("Choose an RGB layer, a DSM layer, or both.")
        if is_given(parameters, AREA) and self.parameterAsBool(parameters, self.SPARSE, context):
            return False, tr("Give an area in which everything is labelled, or say that only polygons count; not both.")
        ok, why = super().checkParameterValues(parameters, context)
        return bool(ok), str(why)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; polygons are read here, in the main thread."""
        field = self.parameterAsString(parameters, FIELD, context).strip()
        model = self.parameterAsString(parameters, self.MODEL, context).strip() or DEFAULT_MODEL
        gsd = self.parameterAsDouble(parameters, self.GSD, context) if is_given(parameters, self.GSD) else None
        self._truth = plan_polygons(self, parameters, self.TRUTH, field, context)
        self._area = plan_polygons(self, parameters, AREA, "", context) if is_given(parameters, AREA) else None
        self._inputs = {}
        for key, name in (("rgb", self.RGB), ("dsm", self.DSM)):
            if is_given(parameters, name):
                layer = self.parameterAsRasterLayer(parameters, name, context)
                self._inputs[key] = plan_input(
                    layer, (), None, None, None, gsd or model_gsd(model), context, DEFAULT_CAP_MB
                )
        self._job = EvaluateJob(
            out=self.parameterAsString(parameters, self.OUTPUT, context),
            truth=_NO_TRUTH,
            model=model,
            field=field or None,
            classes=read_classes(self, parameters, context),
            sparse=self.parameterAsBool(parameters, self.SPARSE, context),
            gsd=gsd,
            device=self.parameterAsString(parameters, self.DEVICE, context) or "auto",
            overwrite=self.parameterAsBool(parameters, self.OVERWRITE, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, say the scores, and name what it made."""
        if self._job is None:
            raise RuntimeError("work without prepare_work")
        ready = {key: ready_input(item, self._job.out, context, feedback) for key, item in self._inputs.items()}
        job = replace(
            self._job,
            truth=ready_polygons(self._truth, self._job.out) or _NO_TRUTH,
            area=ready_polygons(self._area, self._job.out),
            rgb=ready.get("rgb"),
            dsm=ready.get("dsm"),
        )
        listener = FeedbackListener(feedback, PHASES)
        result = run_job(ready_engine(proxy_variables()), "evaluate", job, listener, feedback.isCanceled)
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

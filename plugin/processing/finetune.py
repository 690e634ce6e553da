"""``ridgeline:finetune``: a model that has learned from polygons."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ...engine.jobs import Progress
from ...engine.jobs.finetune import MODES, FinetuneJob, PolygonLayer
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
    INPUTS_FOLDER,
    PlannedPolygons,
    add_label_parameters,
    plan_polygons,
    read_classes,
    ready_polygons,
)
from .region_parameters import is_given
from .segment import DEVICES
from .talk import FeedbackListener

PHASES: Dict[str, float] = {"reading": 10, "training": 80, "export": 10}
_NO_LABELS = PolygonLayer("")


class FinetuneAlgorithm(RidgelineAlgorithm):
    """Teaches a model from labelled polygons.

    Outputs by name: OUTPUT (folder of the new model), SPLIT (layer), SUMMARY (JSON as text).
    """

    ID = "finetune"
    RGB, DSM, LABELS = "RGB", "DSM", "LABELS"
    MODEL, NAME, MODE, KEEP_CLASSES = "MODEL", "NAME", "MODE", "KEEP_CLASSES"
    MINUTES, STEPS, SEED, GSD, DEVICE = "MINUTES", "STEPS", "SEED", "GSD", "DEVICE"
    CHECK_ONLY, OVERWRITE, OUTPUT = "CHECK_ONLY", "OVERWRITE", "OUTPUT"

    def __init__(self) -> None:
        super().__init__()
        self._job: Optional[FinetuneJob] = None
        self._inputs: Dict[str, PlannedInput] = {}
        self._labels: Optional[PlannedPolygons] = None
        self._area: Optional[PlannedPolygons] = None

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Fine-tune a model on polygons")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("training"), tr("learning"), tr("labels"), tr("new classes"), tr("adapt"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("Teaches a model your roofs and your land cover from labelled polygons")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Takes polygons whose class you know, an orthophoto, a surface model or both, and teaches a model from "
            "them: it gets better at classes that it has, or learns new ones of your own. The labels are checked "
            "first, and a part of the ground is kept apart to tell how well it works.\n\n"
            "The result is a model in a folder, which the algorithm “Segment roofs and land cover” takes. A training "
            "that was cancelled or broken off goes on when it is run again with the same settings and folder.\n\n"
            "It needs the training set of the engine (Engine page). Everything is computed on this computer."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        for name, title, text in (
            (self.RGB, tr("RGB"), tr("Orthophoto with red, green and blue bands.")),
            (self.DSM, tr("DSM"), tr("Surface model: heights of roofs, trees and ground.")),
        ):
            self.add(QgsProcessingParameterRasterLayer(name, title, optional=True), text)
        add_label_parameters(self, self.LABELS, tr("Labelled polygons"), tr("Polygons around what is to be found."))
        model = QgsProcessingParameterString(self.MODEL, tr("Model to start from"), DEFAULT_MODEL, optional=True)
        model.setMetadata({"widget_wrapper": {"value_hints": model_hints()}})
        self.add(model, tr("Name of a model in the library; it must be one that can learn."))
        self.add(
            QgsProcessingParameterString(self.NAME, tr("Name of the new model"), "My model"),
            tr("What you will call it."),
        )
        self._add_options()
        self.add(
            QgsProcessingParameterFolderDestination(self.OUTPUT, tr("Folder for the new model")),
            tr("Gets the model: weights, model card, the split and the history of the training."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("SPLIT", tr("Split"), QgsProcessing.TypeVectorPolygon))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def _add_options(self) -> None:
        number, whole = QgsProcessingParameterNumber.Double, QgsProcessingParameterNumber.Integer
        modes = QgsProcessingParameterEnum(
            self.MODE, tr("What learns"), list(MODES), defaultValue="head", usesStaticStrings=True
        )
        devices = QgsProcessingParameterEnum(
            self.DEVICE, tr("Device"), list(DEVICES), defaultValue="auto", usesStaticStrings=True
        )
        for definition, text in (
            (
                modes,
                tr(
                    "“head”: the last layers, in minutes on a CPU. “adapters”: small additions in the whole network. "
                    "“full”: everything; for much data and a GPU."
                ),
            ),
            (
                QgsProcessingParameterBoolean(self.KEEP_CLASSES, tr("Keep the old classes beside new ones"), True),
                tr("Without it, new classes take the place of all that the model found before."),
            ),
            (
                QgsProcessingParameterNumber(self.MINUTES, tr("At most so many minutes"), number, 4.0, minValue=0.1),
                tr("It stops earlier when it gets no better."),
            ),
            (
                QgsProcessingParameterNumber(self.STEPS, tr("Steps"), whole, optional=True, minValue=1),
                tr("At most so many steps in place of minutes, which makes a run repeatable to the bit."),
            ),
            (
                QgsProcessingParameterNumber(self.SEED, tr("Seed"), whole, 1, minValue=0),
                tr("Another number gives another split and order."),
            ),
            (
                QgsProcessingParameterNumber(self.GSD, tr("Metres per pixel"), number, optional=True, minValue=0.01),
                tr("Ground sampling distance to work at. Empty: that of the model."),
            ),
            (devices, tr("“auto” takes the GPU if the engine can use it, else the CPU.")),
            (
                QgsProcessingParameterBoolean(self.CHECK_ONLY, tr("Only check the labels"), False),
                tr("Says what there is to say about the labels, splits them, and ends before any training."),
            ),
            (
                QgsProcessingParameterBoolean(self.OVERWRITE, tr("Replace the model in the folder"), False),
                tr("Without it, a model that is in the folder is left as it is."),
            ),
        ):
            self.add(definition, text, advanced=True)

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Tuple[bool, str]:
        """Return whether the parameters make sense, and if not, why."""
        if not is_given(parameters, self.RGB) and not is_given(parameters, self.DSM):
            return False, tr("Choose an RGB layer, a DSM layer, or both.")
        ok, why = super().checkParameterValues(parameters, context)
        return bool(ok), str(why)

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; polygons are read here, in the main thread."""
        field = self.parameterAsString(parameters, FIELD, context).strip()
        model = self.parameterAsString(parameters, self.MODEL, context).strip() or DEFAULT_MODEL
        gsd = self.parameterAsDouble(parameters, self.GSD, context) if is_given(parameters, self.GSD) else None
        self._labels = plan_polygons(self, parameters, self.LABELS, field, context)
        self._area = plan_polygons(self, parameters, AREA, "", context) if is_given(parameters, AREA) else None
        self._inputs = {}
        for key, name in (("rgb", self.RGB), ("dsm", self.DSM)):
            if is_given(parameters, name):
                layer = self.parameterAsRasterLayer(parameters, name, context)
                self._inputs[key] = plan_input(
                    layer, (), None, None, None, gsd or model_gsd(model), context, DEFAULT_CAP_MB
                )
        self._job = FinetuneJob(
            out=self.parameterAsString(parameters, self.OUTPUT, context),
            labels=_NO_LABELS,
            model=model,
            name=self.parameterAsString(parameters, self.NAME, context).strip() or "My model",
            field=field or None,
            classes=read_classes(self, parameters, context),
            keep_old_classes=self.parameterAsBool(parameters, self.KEEP_CLASSES, context),
            mode=self.parameterAsString(parameters, self.MODE, context) or "head",
            gsd=gsd,
            minutes=self.parameterAsDouble(parameters, self.MINUTES, context),
            steps=self.parameterAsInt(parameters, self.STEPS, context) if is_given(parameters, self.STEPS) else None,
            seed=self.parameterAsInt(parameters, self.SEED, context),
            device=self.parameterAsString(parameters, self.DEVICE, context) or "auto",
            overwrite=self.parameterAsBool(parameters, self.OVERWRITE, context),
            check_only=self.parameterAsBool(parameters, self.CHECK_ONLY, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, and name what it made."""
        if self._job is None:
            raise RuntimeError("work without prepare_work")
        ready = {key: ready_input(item, self._job.out, context, feedback) for key, item in self._inputs.items()}
        labels = ready_polygons(self._labels, self._job.out) or _NO_LABELS
        job = replace(
            self._job,
            labels=labels,
            area=ready_polygons(self._area, self._job.out),
            rgb=ready.get("rgb"),
            dsm=ready.get("dsm"),
        )
        # a page that shows the training live gives a feedback that can do more than Processing's own
        finish: Callable[[], bool] = getattr(feedback, "is_finish_asked", lambda: False)
        listener = TrainingListener(feedback)
        result = run_job(ready_engine(proxy_variables()), "finetune", job, listener, feedback.isCanceled, finish=finish)
        if not job.check_only:  # the model is whole without its inputs, and may be given to others
            shutil.rmtree(Path(job.out) / INPUTS_FOLDER, ignore_errors=True)
        load_on_completion(result.outputs, context, {"split": tr("Training and validation")})
        return {
            "OUTPUT": job.out,
            "SPLIT": result.outputs.get("split", ""),
            "SUMMARY": json.dumps(result.summary, ensure_ascii=False),
        }


class TrainingListener(FeedbackListener):
    """Says the score at every validation, and passes losses, scores and pictures on to a feedback that takes them.

    Args:
        feedback: of the algorithm; one with a method ``tell`` is given each validation's numbers.
    """

    def __init__(self, feedback: Any) -> None:
        super().__init__(feedback, PHASES)
        self._tell: Callable[[Dict[str, Any]], None] = getattr(feedback, "tell", lambda _detail: None)

    def progress(self, event: Progress) -> None:
        """Move the bar, and pass on what a validation has shown."""
        super().progress(event)
        if event.phase == "training" and event.detail:
            score, step = event.detail.get("mean_iou"), event.detail.get("step")
            self._feedback.pushInfo(tr("Step {step}: mean IoU on validation {score}", step=step, score=score))
            self._tell({**event.detail, "eta_s": event.eta_s})

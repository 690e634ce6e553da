"""``ridgeline:finetune``: a model that has learned from polygons."""

import json
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputString,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from ...engine.jobs import Progress
from ...engine.jobs.finetune import MODES, FinetuneJob
from ..i18n import tr
from . import parameters as shared
from .base import keywords
from .labelled_algorithm import NO_POLYGONS, LabelledAlgorithm
from .load_results import load_on_completion
from .polygon_inputs import INPUTS_FOLDER
from .talk import FeedbackListener

PHASES: Dict[str, float] = {"reading": 8, "comparing": 2, "training": 80, "export": 10}


class FinetuneAlgorithm(LabelledAlgorithm):
    """Teaches a model from labelled polygons.

    Outputs by name: OUTPUT (folder of the new model), SPLIT (layer), SUMMARY (JSON as text).
    """

    ID = KIND = "finetune"
    LABELS, NAME, MODE, KEEP_CLASSES, KEEP_SURFACE = "LABELS", "NAME", "MODE", "KEEP_CLASSES", "KEEP_SURFACE"
    MINUTES, STEPS, SEED, CHECK_ONLY = "MINUTES", "STEPS", "SEED", "CHECK_ONLY"

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
            "The result is a model in a folder. Import it on the Models page of the panel, and “Segment roofs and land "
            "cover” takes it by its name; the Fine-tune page does that by itself. A training that was cancelled or "
            "broken off goes on when it is run again with the same settings and folder.\n\n"
            "It needs the training set of the engine (Engine page). Everything is computed on this computer."
        )

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        model = shared.model(
            tr("Model to start from"), tr("Name of a model in the library; it must be one that can learn.")
        )
        self.add_labelled_inputs(
            self.LABELS, tr("Labelled polygons"), tr("Polygons around what is to be found."), model
        )
        self.add(
            QgsProcessingParameterString(self.NAME, tr("Name of the new model"), "My model"),
            tr("What you will call it."),
        )
        self._add_options()
        self.add(
            QgsProcessingParameterFolderDestination(shared.OUTPUT, tr("Folder for the new model")),
            tr("Gets the model: weights, model card, the split and the history of the training."),
        )
        self.addOutput(QgsProcessingOutputVectorLayer("SPLIT", tr("Split"), QgsProcessing.TypeVectorPolygon))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary as JSON")))

    def _add_options(self) -> None:
        number, whole = QgsProcessingParameterNumber.Double, QgsProcessingParameterNumber.Integer
        modes = QgsProcessingParameterEnum(
            self.MODE, tr("What learns"), list(MODES), defaultValue="head", usesStaticStrings=True
        )
        self.add_options(
            (
                modes,
                tr(
                    "“head”: the last layers, in minutes on a CPU. “adapters”: a few added weights in every layer. "
                    "“full”: everything; about twice as long for the model that comes with Ridgeline, and often better."
                ),
            ),
            (
                QgsProcessingParameterBoolean(self.KEEP_CLASSES, tr("Keep the old classes beside new ones"), True),
                tr("Without it, new classes take the place of all that the model found before."),
            ),
            (
                QgsProcessingParameterBoolean(
                    self.KEEP_SURFACE, tr("Use the surface model for new classes in any case"), False
                ),
                tr("Without it, the surface model is left out where a quick trial on the labels finds it no help."),
            ),
            (
                QgsProcessingParameterNumber(self.MINUTES, tr("At most so many minutes"), number, 4.0, minValue=0.1),
                tr("It stops earlier when it gets no better."),
            ),
            (
                QgsProcessingParameterNumber(self.STEPS, tr("Steps"), whole, optional=True, minValue=1),
                tr("Learn so many steps at most, in place of minutes: then a training can be repeated exactly."),
            ),
            (
                QgsProcessingParameterNumber(self.SEED, tr("Random seed"), whole, 1, minValue=0),
                tr("The same number keeps the same labels apart and trains in the same order; another draws anew."),
            ),
            shared.gsd(tr("Side of a pixel on the ground while the model learns. Empty: what suits model and layers.")),
            shared.device(),
            (
                QgsProcessingParameterBoolean(self.CHECK_ONLY, tr("Only check the labels"), False),
                tr("Says what there is to say about the labels, splits them, and ends before any training."),
            ),
            shared.overwrite(
                tr("Replace the model in the folder"), tr("Without it, a model that is in the folder is left as it is.")
            ),
        )

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Turn layers and options into a job; polygons are read here, in the main thread."""
        self._job = FinetuneJob(
            **self.read_labelled(parameters, self.LABELS, context),
            labels=NO_POLYGONS,
            name=self.parameterAsString(parameters, self.NAME, context).strip() or "My model",
            keep_old_classes=self.parameterAsBool(parameters, self.KEEP_CLASSES, context),
            keep_surface=self.parameterAsBool(parameters, self.KEEP_SURFACE, context),
            mode=self.parameterAsString(parameters, self.MODE, context) or "head",
            minutes=self.parameterAsDouble(parameters, self.MINUTES, context),
            steps=self.whole(parameters, self.STEPS, context),
            seed=self.parameterAsInt(parameters, self.SEED, context),
            check_only=self.parameterAsBool(parameters, self.CHECK_ONLY, context),
        )

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Write what must be written, run the engine, and name what it made."""
        labels, area = self.written_polygons()
        # a page that shows the training live gives a feedback that can do more than Processing's own
        finish: Callable[[], bool] = getattr(feedback, "is_finish_asked", lambda: False)
        job, result = self.run_engine(context, feedback, TrainingListener(feedback), finish, labels=labels, area=area)
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
            self._feedback.pushInfo(
                tr("Step {step}: now what was kept apart teaches, too", step=step)
                if score is None
                else tr(
                    "Step {step}: score on the ground kept apart {score} (mean IoU, 1 is perfect)",
                    step=step,
                    score=score,
                )
            )
            self._tell({**event.detail, "eta_s": event.eta_s})

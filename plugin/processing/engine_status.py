"""``ridgeline:enginestatus``: is the engine set up, and which device does it really compute on?"""

import json
from typing import Any, Dict, List

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
)

from ..engine_link.diagnostics import diagnostics
from ..engine_link.engine import ready_engine
from ..engine_link.environment import engine_state
from ..engine_link.run_job import run_job
from ..i18n import tr
from .base import RidgelineAlgorithm, keywords
from .talk import FeedbackListener


class EngineStatusAlgorithm(RidgelineAlgorithm):
    """Says how the engine stands; changes nothing.

    Outputs by name: READY, STATE (``missing``, ``outdated``, ``broken``, ``ready``), SENTENCE, PYTHON, DEVICE (a
    sentence, after a self-test), SUMMARY (of the self-test, JSON as text), DIAGNOSTICS (Markdown).
    """

    ID = "enginestatus"
    NEEDS_ENGINE = False
    SELFTEST, DIAGNOSTICS = "SELFTEST", "WITH_DIAGNOSTICS"

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Engine status")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("engine"), tr("check"), tr("diagnostics"), tr("device"), tr("GPU"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("Whether the engine is set up, and on which device it computes")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "Says whether the engine is set up. The self-test runs the default model on a small sample and says which "
            "device really computed it. Diagnostics are a report for people who help, without names of users, "
            "computers or home folders."
        )

    def flags(self) -> Any:
        """Return the flags: of no use inside a model."""
        return super().flags() | QgsProcessingAlgorithm.FlagHideFromModeler

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        self.add(
            QgsProcessingParameterBoolean(self.SELFTEST, tr("Run the self-test"), False),
            tr("Runs the default model on a small sample; takes up to a minute."),
        )
        self.add(
            QgsProcessingParameterBoolean(self.DIAGNOSTICS, tr("Write diagnostics"), False),
            tr("Collects versions, settings and logs as text, for a report of a problem."),
        )
        self.addOutput(QgsProcessingOutputBoolean("READY", tr("Ready")))
        for name, title in (
            ("STATE", tr("State")),
            ("SENTENCE", tr("State in one sentence")),
            ("PYTHON", tr("The engine's Python")),
            ("DEVICE", tr("Device that computed the self-test")),
            ("SUMMARY", tr("Summary of the self-test as JSON")),
            ("DIAGNOSTICS", tr("Diagnostics")),
        ):
            self.addOutput(QgsProcessingOutputString(name, title))

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Look, and test if asked to."""
        state = engine_state()
        feedback.pushInfo(state.sentence)
        outputs: Dict[str, Any] = {
            "READY": state.ready,
            "STATE": state.readiness.value,
            "SENTENCE": state.sentence,
            "PYTHON": state.python,
        }
        if self.parameterAsBool(parameters, self.SELFTEST, context):
            result = run_job(ready_engine(), "selftest", None, FeedbackListener(feedback), feedback.isCanceled)
            outputs["DEVICE"] = str(result.summary.get("device", ""))
            outputs["SUMMARY"] = json.dumps(result.summary, ensure_ascii=False)
            feedback.pushInfo(outputs["DEVICE"])
        if self.parameterAsBool(parameters, self.DIAGNOSTICS, context):
            outputs["DIAGNOSTICS"] = diagnostics()
            feedback.pushInfo(outputs["DIAGNOSTICS"])
        return outputs

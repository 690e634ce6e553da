"""``ridgeline:enginesetup``: set up, repair or remove the engine; what the Engine page's buttons run."""

from pathlib import Path
from typing import Any, Dict, List

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
)

from ..engine_link.child_environment import child_environment, qgis_variables
from ..engine_link.environment import engine_state
from ..engine_link.host import qgis_folders
from ..engine_link.requirements import INFERENCE, SETS
from ..engine_link.setup import SetupListener, SetupOptions, remove, repair, set_up
from ..engine_link.verify import forget_existing_python, use_existing_python
from ..i18n import tr
from .base import RidgelineAlgorithm, keywords
from .region_parameters import is_given

SET_UP, REPAIR, REMOVE, USE_EXISTING = "setup", "repair", "remove", "use"
ACTIONS = (SET_UP, REPAIR, REMOVE, USE_EXISTING)


class EngineSetupAlgorithm(RidgelineAlgorithm):
    """Changes the engine's environment, because the user asked for it.

    Outputs by name: READY, STATE, SENTENCE, PYTHON.
    """

    ID = "enginesetup"
    NEEDS_ENGINE = False
    ACTION, SET, GPU, BUNDLE, PYTHON = "ACTION", "SET", "GPU", "BUNDLE", "PYTHON"

    def displayName(self) -> str:
        """Return the name for people."""
        return tr("Set up the engine")

    def tags(self) -> List[str]:
        """Return search words."""
        return keywords(tr("engine"), tr("install"), tr("repair"), tr("remove"))

    def shortDescription(self) -> str:
        """Return one line about it."""
        return tr("Installs, repairs or removes the engine that computes")

    def shortHelpString(self) -> str:
        """Return the help."""
        return tr(
            "The engine is what computes: it has a Python of its own, outside QGIS and outside the plugin's folder.\n\n"
            "setup: makes it. Downloads pinned packages from the Python Package Index, and checks their hashes; or "
            "takes them from an offline bundle.\n"
            "repair: makes it anew.\n"
            "remove: deletes it.\n"
            "use: uses a Python of your own that has the packages, and installs nothing."
        )

    def flags(self) -> Any:
        """Return the flags: of no use inside a model."""
        return super().flags() | QgsProcessingAlgorithm.FlagHideFromModeler

    def initAlgorithm(self, configuration: Any = None) -> None:
        """Define parameters and outputs."""
        self.add(
            QgsProcessingParameterEnum(
                self.ACTION, tr("What to do"), list(ACTIONS), defaultValue=SET_UP, usesStaticStrings=True
            ),
            tr("setup, repair, remove, or use a Python of your own."),
        )
        self.add(
            QgsProcessingParameterEnum(
                self.SET, tr("Packages"), list(SETS), defaultValue=INFERENCE, usesStaticStrings=True
            ),
            tr("“inference”: what using models needs. “train”: what teaching them needs, too; a much larger download."),
        )
        self.add(
            QgsProcessingParameterBoolean(self.GPU, tr("Use an NVIDIA GPU where there is one"), True),
            tr("Takes the larger packages for NVIDIA GPUs if a working one is found."),
        )
        self.add(
            QgsProcessingParameterFile(
                self.BUNDLE, tr("Offline bundle"), QgsProcessingParameterFile.Folder, optional=True
            ),
            tr("Folder of packages made for this system; then nothing is downloaded."),
        )
        self.add(
            QgsProcessingParameterFile(self.PYTHON, tr("Python"), QgsProcessingParameterFile.File, optional=True),
            tr("For setup: the Python to build from (3.11 to 3.13); empty: one is looked for. For use: your Python."),
        )
        self.addOutput(QgsProcessingOutputBoolean("READY", tr("Ready")))
        for name, title in (
            ("STATE", tr("State")),
            ("SENTENCE", tr("Sentence")),
            ("PYTHON", tr("The engine's Python")),
        ):
            self.addOutput(QgsProcessingOutputString(name, title))

    def checkParameterValues(self, parameters: Dict[str, Any], context: Any) -> Any:
        """Return whether the parameters make sense, and if not, why."""
        action = self.parameterAsString(parameters, self.ACTION, context)
        if action == USE_EXISTING and not is_given(parameters, self.PYTHON):
            return False, tr("Choose the Python to use.")
        return super().checkParameterValues(parameters, context)

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Do what was asked."""
        action = self.parameterAsString(parameters, self.ACTION, context) or SET_UP
        bundle = self.parameterAsString(parameters, self.BUNDLE, context)
        python = self.parameterAsString(parameters, self.PYTHON, context)
        options = SetupOptions(
            which=self.parameterAsString(parameters, self.SET, context) or INFERENCE,
            gpu=self.parameterAsBool(parameters, self.GPU, context),
            bundle=Path(bundle) if bundle else None,
            base=python or None,
        )
        listener = _Listener(feedback)
        if action == USE_EXISTING:
            use_existing_python(python, child_environment(qgis_variables(), {}, qgis_folders()))
        elif action == REMOVE:
            forget_existing_python()
            remove(feedback.isCanceled)
        else:
            forget_existing_python()
            (set_up if action == SET_UP else repair)(options, listener, feedback.isCanceled)
        state = engine_state()
        feedback.pushInfo(state.sentence)
        return {
            "READY": state.ready,
            "STATE": state.readiness.value,
            "SENTENCE": state.sentence,
            "PYTHON": state.python,
        }


class _Listener(SetupListener):
    """Passes a set-up's progress on to Processing."""

    def __init__(self, feedback: Any) -> None:
        self._feedback = feedback

    def progress(self, percent: float, phase: str) -> None:
        self._feedback.setProgress(percent)
        self._feedback.setProgressText(phase)

    def log(self, line: str) -> None:
        self._feedback.pushConsoleInfo(line)

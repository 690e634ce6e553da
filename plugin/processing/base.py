"""What all our algorithms share: names, help, and faults told in one sentence with a hint."""

from typing import Any, Dict, List, Tuple

from qgis.core import QgsProcessingAlgorithm, QgsProcessingException, QgsProcessingParameterDefinition
from qgis.PyQt.QtGui import QIcon

from ...engine.jobs import Cancelled, RidgelineError
from ..engine_link.environment import ready_python
from ..i18n import tr
from ..paths import icon_path

HELP_URL = "https://github.com/ridgeline-qgis/ridgeline#readme"


class RidgelineAlgorithm(QgsProcessingAlgorithm):
    """An algorithm of ours; sub-classes give the class attributes and ``work``.

    Attributes:
        ID: name in scripts; published, never to be changed.
        NEEDS_ENGINE: whether it can only run with an engine that is set up.
    """

    ID = ""
    NEEDS_ENGINE = True

    def name(self) -> str:
        """Return the algorithm's id."""
        return self.ID

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(icon_path("ridgeline"))

    def svgIconPath(self) -> str:
        """Return the path of the plugin's icon."""
        return icon_path("ridgeline")

    def helpUrl(self) -> str:
        """Return where more can be read."""
        return HELP_URL

    def createInstance(self) -> "RidgelineAlgorithm":
        """Return a new one of the same kind."""
        return type(self)()

    def canExecute(self) -> Tuple[bool, str]:
        """Return whether the algorithm can run now, and if not, what is missing."""
        if self.NEEDS_ENGINE:
            try:
                ready_python()
            except RidgelineError as fault:
                return False, str(fault)
        return True, ""

    def prepareAlgorithm(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> bool:
        """Read layers and options, in the main thread.

        Raises:
            QgsProcessingException: in a sentence, with what to do.
        """
        try:
            self.prepare_work(parameters, context)
        except RidgelineError as fault:
            raise QgsProcessingException(sentence_of(fault)) from fault
        return True

    def processAlgorithm(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Do the work, in a worker thread where QGIS has one.

        Raises:
            QgsProcessingException: in a sentence, with what to do.
        """
        try:
            return self.work(parameters, context, feedback)
        except Cancelled as fault:
            if feedback is not None and feedback.isCanceled():
                feedback.pushInfo(tr("Cancelled. Run it again with the same settings to continue where it stopped."))
                return {}
            raise QgsProcessingException(sentence_of(fault)) from fault
        except RidgelineError as fault:
            raise QgsProcessingException(sentence_of(fault)) from fault

    def prepare_work(self, parameters: Dict[str, Any], context: Any) -> None:
        """Read what may only be read in the main thread."""

    def work(self, parameters: Dict[str, Any], context: Any, feedback: Any) -> Dict[str, Any]:
        """Do the work and return the outputs."""
        raise NotImplementedError

    def add(self, definition: Any, help_text: str, advanced: bool = False) -> None:
        """Add a parameter with its help."""
        definition.setHelp(help_text)
        if advanced:
            definition.setFlags(definition.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(definition)


def sentence_of(fault: RidgelineError) -> str:
    """Return a fault as users read it: the sentence, then the hint."""
    return f"{fault.message} {fault.hint}".strip()


def keywords(*words: str) -> List[str]:
    """Return search words for the toolbox, those of the plugin included."""
    return [*words, "ridgeline", tr("deep learning"), tr("roof"), tr("building")]

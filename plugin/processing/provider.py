"""The provider ``ridgeline`` of the Processing toolbox."""

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from ..i18n import tr
from ..paths import icon_path, plugin_version
from .buildings import BuildingsAlgorithm
from .engine_setup import EngineSetupAlgorithm
from .engine_status import EngineStatusAlgorithm
from .evaluate import EvaluateAlgorithm
from .finetune import FinetuneAlgorithm
from .ground_heights import GroundHeightsAlgorithm
from .segment import SegmentAlgorithm

ALGORITHMS = (
    SegmentAlgorithm,
    GroundHeightsAlgorithm,
    BuildingsAlgorithm,
    FinetuneAlgorithm,
    EvaluateAlgorithm,
    EngineStatusAlgorithm,
    EngineSetupAlgorithm,
)


class RidgelineProvider(QgsProcessingProvider):
    """Offers the algorithms to the toolbox, the model designer, batch mode, scripts and ``qgis_process``."""

    def id(self) -> str:
        """Return the provider's id; part of every algorithm's name, never to be changed."""
        return "ridgeline"

    def name(self) -> str:
        """Return the provider's name for people."""
        return "Ridgeline"

    def longName(self) -> str:
        """Return the provider's name and what it is for."""
        return tr("Ridgeline (roofs, buildings, land cover)")

    def versionInfo(self) -> str:
        """Return the plugin's version."""
        return plugin_version()

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(icon_path("ridgeline"))

    def svgIconPath(self) -> str:
        """Return the path of the plugin's icon."""
        return icon_path("ridgeline")

    def loadAlgorithms(self) -> None:
        """Add every algorithm."""
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())

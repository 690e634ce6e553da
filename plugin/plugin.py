"""Wiring: the actions, the dock and the Processing provider come and go here, and nothing else happens here."""

from typing import Any, List, Optional

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QLocale, QSettings, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import QAction

from .i18n import tr
from .paths import RESOURCES, icon_path
from .processing.provider import RidgelineProvider


class RidgelinePlugin:
    """What QGIS loads; ``unload`` undoes all that ``initProcessing`` and ``initGui`` did.

    Args:
        iface: QGIS's interface; None in ``qgis_process``.
    """

    def __init__(self, iface: Any) -> None:
        self._iface = iface
        self._provider: Optional[RidgelineProvider] = None
        self._actions: List[QAction] = []
        self._toggle: Optional[QAction] = None
        self._dock: Any = None
        self._translator: Optional[QTranslator] = None

    def initProcessing(self) -> None:
        """Add the algorithms; QGIS calls this alone where there is no desktop."""
        self._translate()
        if self._provider is None:
            provider = RidgelineProvider()
            if QgsApplication.processingRegistry().addProvider(provider):
                self._provider = provider

    def initGui(self) -> None:
        """Add the algorithms, the action and the menu entries."""
        self.initProcessing()
        window = self._iface.mainWindow()
        self._toggle = QAction(QIcon(icon_path("ridgeline")), tr("Ridgeline"), window)
        self._toggle.setObjectName("ridgelineToggleDock")
        self._toggle.setToolTip(tr("Roofs, buildings and land cover from image and surface model"))
        self._toggle.setCheckable(True)
        self._toggle.toggled.connect(self._show_dock)
        self._iface.addRasterToolBarIcon(self._toggle)
        self._iface.addPluginToRasterMenu(tr("Ridgeline"), self._toggle)
        self._actions.append(self._toggle)

    def unload(self) -> None:
        """Remove everything again, and end what runs."""
        if self._dock is not None:
            dock, self._dock = self._dock, None
            self._iface.removeDockWidget(dock)
            if hasattr(dock, "shut_down"):
                dock.shut_down()
            dock.close()
            dock.setParent(None)
            dock.deleteLater()
        for action in self._actions:
            self._iface.removePluginRasterMenu(tr("Ridgeline"), action)
            self._iface.removeRasterToolBarIcon(action)
            action.setParent(None)
            action.deleteLater()
        self._actions, self._toggle = [], None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None

    def _show_dock(self, visible: bool) -> None:
        if self._dock is None:
            if not visible:
                return
            # the dock is made when it is first wanted: QGIS starts no slower for it
            from .dock.dock import RidgelineDock

            self._dock = RidgelineDock(self._iface)
            self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._dock)
            self._dock.visibilityChanged.connect(self._follow_dock)
        self._dock.setVisible(visible)
        if visible:
            self._dock.raise_()

    def _follow_dock(self, _visible: bool) -> None:
        # a dock behind another tab is not visible but still open
        if self._toggle is not None and self._dock is not None:
            self._toggle.blockSignals(True)
            self._toggle.setChecked(not self._dock.isHidden())
            self._toggle.blockSignals(False)

    def _translate(self) -> None:
        if self._translator is not None:
            return
        name = str(QSettings().value("locale/userLocale", "") or QLocale.system().name())
        file = RESOURCES / "i18n" / f"ridgeline_{name[:2]}.qm"
        if file.is_file():
            translator = QTranslator()
            if translator.load(str(file)) and QCoreApplication.installTranslator(translator):
                self._translator = translator

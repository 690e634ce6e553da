"""The dock: its pages, and what they tell each other."""

from typing import Any, Optional

from qgis.core import QgsProject
from qgis.gui import QgsDockWidget
from qgis.PyQt.QtWidgets import QTabWidget, QWidget

from ..i18n import tr
from .engine import EnginePage
from .finetune import FinetunePage
from .logic.memory import ProjectMemory
from .models import ModelsPage
from .segment import SegmentPage
from .widgets.page import NARROWEST


class RidgelineDock(QgsDockWidget):
    """Shows one page at a time; made once, opened by the user only."""

    def __init__(self, iface: Any, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Ridgeline"), parent)
        self.setObjectName("RidgelineDock")
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.segment = SegmentPage(iface)
        self.finetune = FinetunePage(iface)
        self.models = ModelsPage(iface)
        self.engine = EnginePage(iface)
        for name, title, page in (
            ("segment", tr("Segment"), self.segment),
            ("finetune", tr("Fine-tune"), self.finetune),
            ("models", tr("Models"), self.models),
            ("engine", tr("Engine"), self.engine),
        ):
            page.setObjectName(name)
            self.tabs.addTab(page, title)
        self.setWidget(self.tabs)
        self.resize(NARROWEST + 40, 600)
        self.segment.engine_page_asked.connect(lambda: self.tabs.setCurrentWidget(self.engine))
        self.engine.ready_changed.connect(self.segment.set_engine_ready)
        self.finetune.engine_page_asked.connect(lambda: self.tabs.setCurrentWidget(self.engine))
        self.engine.ready_changed.connect(self.finetune.set_engine_ready)
        self.finetune.model_made.connect(self._on_model_made)
        self.models.changed.connect(self.segment.reload_models)
        self.models.changed.connect(self.finetune.reload_models)
        self.models.chosen.connect(self._on_model_chosen)
        # the warm engine has models and libraries open, which Windows lets nobody replace or delete
        self.models.model_actions.about_to_change.connect(self.segment.preview.close)
        self.models.model_actions.library_changed.connect(self.segment.preview.renew)
        self.engine.about_to_change.connect(self.segment.preview.close)
        self.tabs.currentChanged.connect(self._on_page)
        self.visibilityChanged.connect(self._on_visible)
        QgsProject.instance().readProject.connect(self._on_project)
        QgsProject.instance().cleared.connect(self._on_project)
        self.engine.refresh()
        self._on_project()

    def shut_down(self) -> None:
        """Stop all work and let go of everything outside the dock; call it once, before the dock is deleted."""
        project = QgsProject.instance()
        project.readProject.disconnect(self._on_project)
        project.cleared.disconnect(self._on_project)
        self.visibilityChanged.disconnect(self._on_visible)
        self.segment.release()
        self.finetune.release()
        self.models.release()
        self.engine.release()

    def _on_project(self, *_args: Any) -> None:
        wanted = ProjectMemory().read("dock/page", "segment")
        page = self.findChild(QWidget, wanted) if wanted in ("segment", "finetune", "models", "engine") else None
        self.tabs.blockSignals(True)
        self.tabs.setCurrentWidget(page or self.segment)
        self.tabs.blockSignals(False)
        self.segment.recall()

    def _on_page(self, _index: int) -> None:
        ProjectMemory().write("dock/page", self.tabs.currentWidget().objectName())
        if self.tabs.currentWidget() is self.engine:
            self.engine.refresh()

    def _on_visible(self, visible: bool) -> None:
        self.segment.region.show_on_map(visible)
        if visible:
            self.engine.refresh()
            self.segment.refresh()

    def _on_model_made(self, name: str) -> None:
        """A new model is listed everywhere, and chosen for the next run; the page that made it stays in sight."""
        self.models.reload()
        index = self.segment.model.findData(name)
        if index >= 0:
            self.segment.model.setCurrentIndex(index)
            self.segment.remember()

    def _on_model_chosen(self, name: str) -> None:
        index = self.segment.model.findData(name)
        if index >= 0:
            self.segment.model.setCurrentIndex(index)
            self.segment.remember()
            self.tabs.setCurrentWidget(self.segment)

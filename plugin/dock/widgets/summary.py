"""What a run found: buildings by roof class, areas, time, warnings, and where the details are."""

import html
from pathlib import Path
from typing import Optional

from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QGroupBox, QVBoxLayout, QWidget

from ...i18n import tr
from .notes import wrapped


class Summary(QGroupBox):
    """Hidden until there is something to say."""

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Last run"), parent)
        self.label = wrapped(rich=True)
        self.label.setOpenExternalLinks(False)
        self.label.linkActivated.connect(_open)
        rows = QVBoxLayout(self)
        rows.addWidget(self.label)
        self.hide()

    def clear(self) -> None:
        """Hide."""
        self.hide()

    def show_run(self, lines: "list[str]", run_file: Optional[Path]) -> None:
        """Show sentences (plain text), and links to the run's record and its folder."""
        parts = [html.escape(text) for text in lines]
        if run_file is not None:
            record = QUrl.fromLocalFile(str(run_file)).toString()
            folder = QUrl.fromLocalFile(str(run_file.parent)).toString()
            links = (
                f'<a href="{html.escape(record)}">{html.escape(tr("Details (run.json)"))}</a>'
                f' · <a href="{html.escape(folder)}">{html.escape(tr("Open folder"))}</a>'
            )
            parts.append(links)
        self.label.setText("<br>".join(parts))
        self.show()


def _open(address: str) -> None:
    QDesktopServices.openUrl(QUrl(address))

"""Translation of what the user reads."""

from typing import Any

from qgis.PyQt.QtCore import QCoreApplication

CONTEXT = "Ridgeline"


def tr(text: str, /, **values: Any) -> str:
    """Return ``text`` in the language of QGIS, or as it is where no translation is at hand.

    ``{names}`` in the text are filled in from ``values`` after it is translated.
    """
    translated = str(QCoreApplication.translate(CONTEXT, text))
    return translated.format(**values) if values else translated

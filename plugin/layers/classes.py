"""Names of classes; of roofs for people, in their language: in English those of `engine.classes`, which styles have."""

from typing import Dict

from ..i18n import tr

BACKGROUND = "background"
"""Name of the class of what is none of the others: maps show there what lies beneath."""
OWN_CLASSES = "classes"
"""Name of the raster of the classes that a fine-tuning has added."""


def roof_titles() -> Dict[str, str]:
    """Return what people read for each roof class."""
    return {
        "flat": tr("flat"),
        "gable": tr("gable"),
        "gambrel": tr("gambrel"),
        "row": tr("saw-tooth or row"),
        "multiple_eave": tr("multiple eaves"),
        "hipped_v1": tr("hipped, rectangular"),
        "hipped_v2": tr("hipped, L, T or U shape"),
        "mansard": tr("mansard"),
        "pyramid": tr("pyramid"),
        "arched": tr("arched (barrel)"),
        "revolved": tr("dome, cone or silo"),
        "other": tr("other"),
        "": tr("without a class"),
    }

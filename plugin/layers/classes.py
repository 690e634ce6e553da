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


def cover_titles() -> Dict[str, str]:
    """Return what people read for each class of land cover."""
    return {
        "impervious_surface": tr("impervious surface"),
        "building": tr("building"),
        "low_vegetation": tr("low vegetation"),
        "tree": tr("tree"),
        "car": tr("car"),
        "clutter": tr("other surfaces"),
    }


def class_title(name: str) -> str:
    """Return what people read for a class of any model."""
    return {**cover_titles(), **roof_titles()}.get(name, name.replace("_", " "))

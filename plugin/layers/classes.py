"""Names of the roof classes and of land cover, for people, in their language."""

from typing import Dict

from ..i18n import tr


def roof_titles() -> Dict[str, str]:
    """Return what people read for each roof class."""
    return {
        "flat": tr("flat"),
        "gable": tr("gable"),
        "gambrel": tr("gambrel"),
        "row": tr("row"),
        "multiple_eave": tr("multiple eaves"),
        "hipped_v1": tr("hipped, simple outline"),
        "hipped_v2": tr("hipped, composed outline"),
        "mansard": tr("mansard"),
        "pyramid": tr("pyramid"),
        "arched": tr("arched"),
        "revolved": tr("revolved"),
        "other": tr("other"),
        "": tr("without a class"),
    }

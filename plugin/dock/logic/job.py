"""What the page holds, as parameters of the algorithm ``ridgeline:segment``."""

from pathlib import Path
from typing import Any, Dict

from qgis.core import QgsReferencedGeometry

ALGORITHM = "ridgeline:segment"


def segment_parameters(page: Any, folder: Path, overwrite: bool = False) -> Dict[str, Any]:
    """Return the parameters for the page's choices; results go to ``folder``."""
    inputs, advanced, region = page.inputs(), page.advanced, page.region_choice
    parameters: Dict[str, Any] = {
        "MODEL": inputs.model.name,
        "REGION": QgsReferencedGeometry(region.geometry, region.crs),
        "DEVICE": advanced.device.currentData(),
        "REGULARISE": advanced.regularise.isChecked(),
        "MIN_AREA": advanced.min_area.value(),
        "SKIP_EMPTY": advanced.skip_empty.isChecked() and inputs.dsm is not None,
        "KEEP_HEIGHTS": advanced.keep_heights.isChecked() and inputs.dsm is not None,
        "EXPORT_CAP_MB": advanced.export_cap.value(),
        "OVERWRITE": overwrite,
        "OUTPUT": str(folder),
    }
    if advanced.looks is not None:
        parameters["LOOKS"] = str(advanced.looks)
    if advanced.least_confidence is not None:
        parameters["MIN_CONFIDENCE"] = advanced.least_confidence
    if inputs.gsd is not None:
        parameters["GSD"] = inputs.gsd
    if inputs.rgb is not None:
        parameters["RGB"] = inputs.rgb
        if inputs.rgb.bandCount() >= 3:  # an online picture has one band of finished colours
            parameters["RGB_BANDS"] = advanced.bands
    if inputs.dsm is not None:
        parameters["DSM"] = inputs.dsm
        parameters["DSM_BAND"] = advanced.dsm_band.currentBand()
    return parameters

"""The models that the toolbox offers, and the ground sampling distance of one."""

import json
from pathlib import Path
from typing import List

from ..dock.logic.models import by_name, find_models, model_shelves

USUAL_GSD = 0.25
"""Metres per pixel where a model does not say; only decides how finely an online layer is written."""


def model_hints() -> List[str]:
    """Return the names of the models at hand."""
    models, _broken = find_models(model_shelves())
    return [model.name for model in models]


def model_gsd(name: str) -> float:
    """Return the metres per pixel that the model ``name`` (or the model in the folder ``name``) was trained at."""
    models, _broken = find_models(model_shelves())
    known = by_name(models, name)
    if known is not None:
        return float(known.gsd_trained)
    try:
        spec = json.loads((Path(name) / "model.json").read_text(encoding="utf-8"))
        return float(spec["gsd"]["trained"])
    except (OSError, ValueError, KeyError, TypeError):
        return USUAL_GSD

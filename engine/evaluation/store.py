"""Put what was measured into the model card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ..models.package import ModelPackage, ModelSpec, save_spec
from .suite import Row

KEY = "shared suite"


def store_rows(package: ModelPackage, rows: Sequence[Row]) -> ModelSpec:
    """Write the rows into the package's ``model.json`` and its card; rows measured earlier and not now stay.

    Raises:
        OSError: if the package cannot be written.
    """
    from ..models.export.card import model_card

    table = {on: dict(values) for on, values in package.spec.metrics.get(KEY, {}).items()}
    for row in rows:
        if not math.isnan(row.value):
            table.setdefault(row.on, {})[row.measure] = round(row.value, 3)
    spec = replace(package.spec, metrics={**package.spec.metrics, KEY: table})
    save_spec(spec, package.folder)
    (package.folder / "README.md").write_text(model_card(spec), encoding="utf-8")
    return spec

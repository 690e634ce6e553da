"""Which of the things found are crowns of trees: the model is not quite sure of them, and they have no planes.

Seen from above a broad crown is much like a hipped roof. But a roof consists of a few planes, and a crown of leaves.
"""

from __future__ import annotations

from .draft import Draft

FEW_PLANES = frozenset({"flat", "gable", "gambrel", "row", "hipped_v1", "hipped_v2", "pyramid"})
"""Roof classes of a few large planes. Others are curved, or of many small planes that a coarse surface hardly shows."""
_DOUBTED = 0.85
_PLANE_SHARE = 0.3
"""Buildings of a smaller mean probability, less of whose roof than this lies on common planes, are taken for crowns: on
60 scenes that taught the default model nothing, of 5,411 true buildings 2 and of 64 invented ones 3."""


def is_crown(draft: Draft, roof_name: str) -> bool:
    """Return whether what was found as a building is likelier the crown of a tree; never without a surface.

    Args:
        draft: the building.
        roof_name: of its roof class.
    """
    doubted = draft.building_confidence is not None and draft.building_confidence < _DOUBTED
    planes = 1.0 if draft.geometry is None else draft.geometry.plane_share
    return doubted and planes < _PLANE_SHARE and roof_name in FEW_PLANES

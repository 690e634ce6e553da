"""Guess which layer of a project is the orthophoto and which is the surface model."""

import re
from dataclasses import dataclass
from typing import Any, Iterable, List, Optional, Tuple

from qgis.core import Qgis, QgsMapLayer, QgsMapLayerType

from ...layers.results import is_result

_RGB_WORDS = {"rgb", "ortho", "orthophoto", "orthomosaic", "dop", "tdop", "top", "bdortho", "aerial", "rgbi", "image"}
_DSM_WORDS = {"dsm", "mns", "dom", "bdom", "surface", "height", "heights", "ndsm"}
_NOT_DSM_WORDS = {"dtm", "mnt", "dgm", "dhm", "ground", "terrain", "hillshade", "slope", "aspect", "class", "mask"}
_FLOATING = (Qgis.DataType.Float32, Qgis.DataType.Float64)
_HEIGHT_LIKE = (*_FLOATING, Qgis.DataType.Int16, Qgis.DataType.Int32, Qgis.DataType.UInt32)
_PICTURE_LIKE = (Qgis.DataType.Byte, Qgis.DataType.UInt16)


@dataclass(frozen=True)
class RasterFacts:
    """What a guess looks at: the layer's name, its number of bands and the type of the first."""

    name: str
    bands: int
    data_type: Any

    @property
    def words(self) -> "set[str]":
        """The name's words in lower case, split at everything that is no letter (``ortho_2023`` has ``ortho``)."""
        return set(re.findall(r"[a-z]+", self.name.lower()))


def facts_of(layer: Any) -> Optional[RasterFacts]:
    """Return what a guess looks at, or None if ``layer`` is no raster that could be an input."""
    if layer is None or layer.type() != QgsMapLayerType.RasterLayer or not layer.isValid() or is_result(layer):
        return None
    provider = layer.dataProvider()
    return RasterFacts(layer.name(), layer.bandCount(), provider.dataType(1) if layer.bandCount() else None)


def rgb_score(facts: RasterFacts) -> int:
    """Return how much a raster looks like an orthophoto; 0 or less: not at all."""
    if facts.bands < 3 and not _is_rendered_picture(facts):
        return 0
    score = 2 if facts.bands in (3, 4) or _is_rendered_picture(facts) else 1
    score += 1 if facts.data_type in _PICTURE_LIKE else 0
    return score + (4 if facts.words & _RGB_WORDS else 0) - (6 if facts.words & (_DSM_WORDS | _NOT_DSM_WORDS) else 0)


def dsm_score(facts: RasterFacts) -> int:
    """Return how much a raster looks like a surface model; 0 or less: not at all."""
    if facts.bands != 1 or facts.data_type not in _HEIGHT_LIKE:
        return 0
    score = 2 if facts.data_type in _FLOATING else 1
    return score + (4 if facts.words & _DSM_WORDS else 0) - (6 if facts.words & _NOT_DSM_WORDS else 0)


def guess_pair(layers: Iterable[QgsMapLayer]) -> Tuple[Optional[QgsMapLayer], Optional[QgsMapLayer]]:
    """Return the likeliest orthophoto and surface model among ``layers``, each None if nothing looks like it.

    The order of ``layers`` decides between equals: pass them as the layer tree shows them, uppermost first.
    """
    known: List[Tuple[QgsMapLayer, RasterFacts]] = []
    for layer in layers:
        facts = facts_of(layer)
        if facts is not None:
            known.append((layer, facts))
    return _best(known, rgb_score), _best(known, dsm_score)


def _best(known: List[Tuple[QgsMapLayer, RasterFacts]], score: Any) -> Optional[QgsMapLayer]:
    best, highest = None, 0
    for layer, facts in known:
        points = score(facts)
        if points > highest:
            best, highest = layer, points
    return best


def _is_rendered_picture(facts: RasterFacts) -> bool:
    """Whether the provider hands out finished colours (WMS, XYZ): one band of the type ARGB32."""
    return facts.data_type in (Qgis.DataType.ARGB32, Qgis.DataType.ARGB32_Premultiplied)

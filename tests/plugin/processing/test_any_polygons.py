"""Whatever polygons and field values a layer holds, they cross to the engine as GeoJSON, or a sentence says why not."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProcessingContext, QgsVectorLayer

from ridgeline.engine.jobs import RidgelineError
from ridgeline.plugin.engine_link.job import region_of_extent, region_of_features, region_of_geometry
from ridgeline.plugin.processing.polygon_inputs import plan_polygons

LOOSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
near = st.floats(-50, 50)
numbers = near | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
rings = st.lists(st.tuples(near, near) | st.tuples(numbers, numbers), min_size=1, max_size=8)


def wkt_of(ring):
    return "POLYGON ((" + ", ".join(f"{x} {y}" for x, y in [*ring, ring[0]]) + "))"


shapes = st.one_of(
    rings.map(wkt_of),
    st.sampled_from(
        [
            "POLYGON EMPTY",
            "MULTIPOLYGON EMPTY",
            "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))",
            "POLYGON ((0 0, 9 0, 9 9, 0 9, 0 0), (0 0, 9 0, 9 9, 0 9, 0 0))",
            "CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))",
            "CURVEPOLYGON EMPTY",
            "MULTISURFACE (CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0)))",
            "POLYGONZM ((0 0 nan 1, 9 0 1 1, 9 9 1 1, 0 0 nan 1))",
            "no geometry",
            "",
        ]
    ),
)
# no half characters: from QGIS 3.40 on a feature does not even take them
odd_texts = st.text(max_size=6) | st.sampled_from(["NULL", "\0", "\u2028", '"'])
# nor the lowest whole number: a memory layer refuses the feature
VALUES = {"string": odd_texts, "double": numbers, "int": st.integers(-(2**31) + 1, 2**31 - 1) | st.booleans()}
layers = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.tuples(shapes, st.none() | VALUES[kind]), max_size=4))
)


class Reader:
    """Stands for an algorithm whose polygon parameter is the layer."""

    def __init__(self, layer):
        self._layer = layer

    def parameterAsSource(self, parameters, name, context):
        from qgis.core import QgsProcessingFeatureSource

        self.context = context
        return QgsProcessingFeatureSource(self._layer, context)


def layer_of(features, kind):
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:25832&field=a:{kind}", "any", "memory")
    made = []
    for wkt, value in features:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(wkt))
        feature.setAttributes([value])
        made.append(feature)
    layer.dataProvider().addFeatures(made)
    return layer


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


@settings(suppress_health_check=LOOSE)
@given(drawn=layers)
def test_any_polygons_cross_as_geojson(qgis_app, drawn):
    kind, features = drawn
    layer = layer_of(features, kind)
    assert layer.featureCount() == len(features)
    planned = plan_polygons(Reader(layer), {}, "LABELS", "a", QgsProcessingContext())
    planned.text.encode("utf-8")
    data = json.loads(planned.text, parse_constant=refuse)
    assert len(data["features"]) == layer.featureCount()


@settings(suppress_health_check=LOOSE)
@given(features=st.lists(st.tuples(shapes, st.none()), max_size=4))
def test_any_polygons_make_a_region_or_a_sentence(qgis_app, features):
    from qgis.core import QgsProcessingFeatureSource

    context = QgsProcessingContext()
    layer = layer_of(features, "string")
    try:
        geometry, crs = region_of_features(QgsProcessingFeatureSource(layer, context))
        region = region_of_geometry(geometry, crs)
    except RidgelineError as fault:
        assert fault.message and fault.hint
    else:
        assert "nan" not in region.wkt.lower() and "inf" not in region.wkt.lower()


@given(box=st.tuples(numbers, numbers, numbers, numbers))
def test_any_extent_makes_a_region_or_a_sentence(qgis_app, box):
    from qgis.core import QgsRectangle

    try:
        region = region_of_extent(QgsRectangle(*box), QgsCoordinateReferenceSystem("EPSG:25832"))
    except RidgelineError as fault:
        assert fault.message and fault.hint
    else:
        json.dumps(region.bbox, allow_nan=False)


@pytest.mark.parametrize("crs", ["", "EPSG:0", "nonsense", "USER:100000"])
def test_an_extent_without_a_crs_that_is_known_leaves_it_to_the_engine(qgis_app, crs):
    from qgis.core import QgsRectangle

    assert region_of_extent(QgsRectangle(0, 0, 1, 1), QgsCoordinateReferenceSystem(crs)).crs is None


def test_numbers_that_are_none_are_told_before_an_engine_starts(tmp_path):
    from ridgeline.engine.jobs import SegmentJob
    from ridgeline.plugin.engine_link.run_job import run_job

    with pytest.raises(RidgelineError, match="numbers is infinite"):
        run_job(None, "segment", SegmentJob(out=str(tmp_path), gsd=math.nan))

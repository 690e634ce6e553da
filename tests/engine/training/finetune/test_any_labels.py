"""Whatever polygons, field values and mappings the labels hold, they are read or refused by a fault of our own."""

import math

import numpy as np
import pyogrio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.jobs.finetune import ClassMapping, PolygonLayer
from ridgeline.engine.training.finetune.labels import read_labels

UTM = CRS.from_epsg(25832)
near = st.floats(-50, 50)
places = st.tuples(near, near)
rings = st.lists(places, min_size=3, max_size=20)
odd_places = st.tuples(near, st.sampled_from([math.nan, math.inf, 1e300, -1e300]) | near)
polygons = st.one_of(
    st.builds(shapely.Polygon, rings),
    st.builds(lambda ring, hole: shapely.Polygon(ring, [hole]), rings, rings),
    st.builds(lambda first, rest: shapely.Polygon([first, *rest]), places, st.lists(odd_places, min_size=3)),
    st.builds(
        lambda items: shapely.MultiPolygon([shapely.Polygon(ring) for ring in items]), st.lists(rings, max_size=3)
    ),
    st.builds(lambda x, y: shapely.box(x, y, x + 9, y + 9), near, near),
    st.sampled_from([shapely.Polygon(), shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)]), None]),
)
columns = st.sampled_from(
    [
        ("object", st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)),
        ("int64", st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3)),
        ("float64", st.floats() | st.sampled_from([1.0, 2.0, 1e300, -0.0])),
        ("bool", st.booleans()),
        ("datetime64[ms]", st.sampled_from(["2024-01-01", "NaT", "1900-02-28"]).map(np.datetime64)),
    ]
)
texts = st.text(max_size=6)
mappings = st.lists(
    st.builds(ClassMapping, texts | st.sampled_from(["1", "True", ""]), texts | st.sampled_from(["gable", ""])),
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    shapes=st.lists(polygons, max_size=5),
    column=columns,
    mapping=mappings,
    field=st.sampled_from(["kind", "kind", None, "no such"]),
    crs=st.sampled_from(["EPSG:25832", "EPSG:4326", "EPSG:2154"]),
    stated=st.sampled_from([None, None, None, "EPSG:4326", "nonsense", "[1]", "", 'LOCAL_CS["x"]']) | texts,
    data=st.data(),
)
def test_any_labels_are_read_or_refused(tmp_path, shapes, column, mapping, field, crs, stated, data):
    kind, values = column
    chosen = data.draw(st.lists(values, min_size=len(shapes), max_size=len(shapes)))
    path = tmp_path / "labels.gpkg"
    path.unlink(missing_ok=True)
    pyogrio.raw.write(
        str(path), shapely.to_wkb(np.array(shapes, dtype=object)), [np.array(chosen, dtype=kind)], ["kind"],
        geometry_type="Unknown", crs=crs, layer="a",
    )  # fmt: skip
    try:
        labels = read_labels(PolygonLayer(str(path), crs=stated), field, tuple(mapping), UTM)
    except RidgelineError as fault:
        assert fault.code in (ErrorCode.BAD_LABELS, ErrorCode.BAD_CRS, ErrorCode.NO_CRS, ErrorCode.INPUT_UNREADABLE)
        assert fault.message.endswith(".") and fault.hint
        return
    counted = labels.broken + labels.slivers + sum(labels.unmapped.values()) + len(labels.polygons)
    assert counted == len(shapes)
    assert len(labels.classes) == len(labels.values) == len(labels.polygons)
    assert set(labels.classes.tolist()) <= set(range(len(labels.names)))
    assert all(shape.is_valid and shape.area > 0 and np.isfinite(shape.bounds).all() for shape in labels.polygons)

"""Whatever an engine says, a model states or a file holds, the plugin shows it or says why not: nothing is raised."""

import json
import math

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ridgeline.engine.jobs import Progress, RidgelineError, Warn, event_from_line

LOOSE = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

texts = st.text(max_size=12)
numbers = st.one_of(
    st.integers(-3, 300),
    st.floats(),
    st.sampled_from([math.nan, math.inf, -math.inf, 1e308, 10**400, -(10**30), 0, -1]),
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def new_listener():
    from qgis.core import QgsProcessingFeedback

    from ridgeline.plugin.processing.talk import FeedbackListener

    return FeedbackListener(QgsProcessingFeedback(False), {"computing": 0.9, "writing rasters": 0.1})


progress = st.fixed_dictionaries(
    {"event": st.just("progress"), "done": numbers, "total": numbers, "unit": texts, "phase": texts},
    optional={"eta_s": st.none() | numbers, "detail": st.dictionaries(st.just("say") | texts, values, max_size=2)},
)
anything = st.fixed_dictionaries(
    {"event": st.sampled_from(["started", "progress", "warning", "result", "error"]) | values},
    optional=dict.fromkeys("job protocol engine done total unit phase code message hint outputs".split(), values),
)


@settings(suppress_health_check=LOOSE)
@example(data={"event": "progress", "done": -math.inf, "total": 4e16, "unit": "", "phase": "", "eta_s": math.nan})
@example(data={"event": "progress", "done": 1, "total": 4, "unit": "", "phase": "", "eta_s": math.inf})
@given(data=progress | anything)
def test_any_event_line_is_told_or_refused(qgis_app, data):
    listener = new_listener()
    try:
        event = event_from_line(json.dumps(data))
    except RidgelineError:
        return
    if isinstance(event, Progress):
        listener.progress(event)
    elif isinstance(event, Warn):
        listener.warning(event)


def shipped():
    from ridgeline.plugin.paths import RESOURCES

    return json.loads((RESOURCES / "models" / "ridgeline-compact" / "model.json").read_text(encoding="utf-8"))


def places_of(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places_of(value, (*path, key))


@settings(suppress_health_check=LOOSE)
@given(data=st.data())
def test_any_model_json_is_shown_or_called_broken(qgis_app, tmp_path, data):
    from ridgeline.plugin.dock.logic.model_card import card_html
    from ridgeline.plugin.dock.logic.models import find_models

    whole = shipped()
    path = data.draw(st.sampled_from([item for item in places_of(whole) if item]))
    target = whole
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = data.draw(values)
    folder = tmp_path / "shelf" / "any"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(whole), encoding="utf-8")
    models, broken = find_models([tmp_path / "shelf"])
    assert len(models) + len(broken) == 1
    for model in models:
        assert card_html(model)
    for item in broken:
        assert item.reason


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"a": ' * 5_000 + "1" + "}" * 5_000, "\ufeff{}", "\0"])
def test_no_text_in_place_of_a_json_file_is_raised(qgis_app, tmp_path, text):
    from ridgeline.plugin.dock.logic.models import find_models
    from ridgeline.plugin.layers.results import read_run

    folder = tmp_path / "shelf" / "any"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(text, encoding="utf-8")
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    models, broken = find_models([tmp_path / "shelf"])
    assert not models and len(broken) == 1
    assert read_run(tmp_path / "run.json").keys() <= {"a"}


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 10**400, 0, -1, "1e999", None, [], {}])
@pytest.mark.parametrize(
    "path", [("gsd", "trained"), ("gsd", "min"), ("tile", "size"), ("outputs", 0, "classes", 0, "id"), ("metrics",)]
)
def test_odd_numbers_of_a_model_are_shown_or_called_broken(qgis_app, tmp_path, path, value):
    from ridgeline.plugin.dock.logic.model_card import card_html
    from ridgeline.plugin.dock.logic.models import find_models

    whole = shipped()
    target = whole
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    (tmp_path / "any").mkdir()
    (tmp_path / "any" / "model.json").write_text(json.dumps(whole), encoding="utf-8")
    models, broken = find_models([tmp_path])
    assert len(models) + len(broken) == 1
    assert all(card_html(model) for model in models)
    assert not models or path[0] != "gsd"


def test_metrics_within_metrics_are_cut_off(qgis_app):
    from ridgeline.plugin.dock.logic.model_card import metric_rows

    nested = {"deep": 1.0}
    for _ in range(5_000):
        nested = {"iou": 0.5, "area": 10**400, "group": nested}
    rows = metric_rows(nested)
    assert ("iou", rows[0][1]) == rows[0] and ("group: iou", rows[0][1]) in rows
    assert len(rows) <= 24


@settings(suppress_health_check=LOOSE)
@given(
    record=st.dictionaries(st.sampled_from(["device", "tiles", "seconds", "warnings", "outputs", "areas_m2"]), values),
    areas=st.none() | values | st.dictionaries(texts, values),
    seconds=st.floats(0, 1e7),
)
def test_any_run_record_gives_a_summary(qgis_app, record, areas, seconds):
    from qgis.core import QgsRasterLayer

    from ridgeline.plugin.layers.summary import summary_lines

    if areas is not None:
        record["areas_m2"] = {"land_cover": areas}
    layers = {"land_cover": QgsRasterLayer("", "Land cover")}
    assert all(isinstance(line, str) for line in summary_lines(record, layers, seconds))


entries = st.fixed_dictionaries(
    {"name": values, "version": values, "title": values, "url": values, "sha256": values, "size_bytes": values},
    optional={"licence": values, "gsd": values, "inputs": values, "classes": values},
)


@settings(suppress_health_check=LOOSE)
@given(data=values | st.builds(lambda items: {"models": items}, st.lists(entries, max_size=2)) | st.binary(max_size=60))
def test_any_catalogue_is_read_or_refused(data):
    from ridgeline.engine.jobs.catalogue import read_catalogue

    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    try:
        read_catalogue(raw)
    except RidgelineError as fault:
        assert fault.message

"""One fine-tuning from files to a model that runs: new classes, checks alone, bad input, and going on."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import torch
from finetune_helpers import GSD, INPUTS, OUTPUTS, tiny_model
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from ridgeline.engine.classes import LAND_COVER, ROOF_CLASSES
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import BuildingOptions, Cancelled, ErrorCode, RasterInput, RidgelineError, SegmentJob
from ridgeline.engine.jobs.finetune import ClassMapping, FinetuneJob, PolygonLayer, package_name
from ridgeline.engine.models.export import PackageInfo, export_package
from ridgeline.engine.models.export.quantise import add_int8
from ridgeline.engine.models.package import GsdSpec, TileSpec, load_package
from ridgeline.engine.models.package.validate import faults_of_package
from ridgeline.engine.models.rebuild import trainable_model
from ridgeline.engine.training.finetune import prepare as prepare_module
from ridgeline.engine.training.finetune import run
from ridgeline.engine.training.finetune.history import History
from ridgeline.engine.training.finetune.loop import validate
from ridgeline.engine.training.finetune.prepare import prepare
from ridgeline.engine.training.finetune.raster_choice import Told
from ridgeline.engine.training.finetune.run import WORK, run_finetune
from ridgeline.engine.training.finetune.trainable import with_tasks

WEST, NORTH, SIZE = 500_000.0, 5_600_000.0, 256


def box(column, row):
    x, y = WEST + 8 + 30 * column, NORTH - 20 - 30 * row
    return shapely.box(x, y, x + 12, y + 12)


BOXES = [box(column, row) for row in range(4) for column in range(4)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, a picture and a surface of one town, polygons in it, and the area that holds them."""
    folder = tmp_path_factory.mktemp("town é")
    info = PackageInfo("tiny", "1", INPUTS, OUTPUTS, GsdSpec(GSD, 0.25, 1.0), TileSpec(256, 32, 64))
    export_package(tiny_model(), info, folder / "tiny", half=False)
    picture = np.full((3, SIZE, SIZE), 90, np.uint8)
    picture += np.random.default_rng(1).integers(0, 20, picture.shape, dtype=np.uint8)
    heights = np.full((1, SIZE, SIZE), 100.25, np.float32) + np.linspace(0, 3, SIZE, dtype=np.float32)
    for i, shape in enumerate(BOXES):
        west, south, east, north = shape.bounds
        rows = slice(round((NORTH - north) / GSD), round((NORTH - south) / GSD))
        columns = slice(round((west - WEST) / GSD), round((east - WEST) / GSD))
        picture[:, rows, columns] = np.array([220, 60, 60] if i % 2 else [60, 60, 220], np.uint8)[:, None, None]
        heights[0, rows, columns] += 6
    for name, values in (("rgb", picture), ("dsm", heights)):
        profile = {"count": len(values), "dtype": values.dtype.name, "width": SIZE, "height": SIZE}
        transform = from_origin(WEST, NORTH, GSD, GSD)
        with rasterio.open(
            folder / f"{name}.tif", "w", driver="GTiff", crs="EPSG:25832", transform=transform, **profile
        ) as t:
            t.write(values)
    write(folder / "labels.geojson", BOXES, ["tile" if i % 2 else "solar" for i in range(16)])
    write(folder / "area.geojson", [shapely.box(WEST, NORTH - 128, WEST + 128, NORTH)], ["a"])
    return folder


def write(path, shapes, kinds):
    features = [
        {"type": "Feature", "properties": {"kind": kind}, "geometry": json.loads(shapely.to_geojson(shape))}
        for shape, kind in zip(shapes, kinds)
    ]
    crs = {"type": "name", "properties": {"name": "EPSG:25832"}}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))


def job(place, out, **changes):
    return replace(
        FinetuneJob(
            out=str(out),
            labels=PolygonLayer(str(place / "labels.geojson")),
            rgb=RasterInput(str(place / "rgb.tif")),
            dsm=RasterInput(str(place / "dsm.tif")),
            model=str(place / "tiny"),
            name="Dächer von Hérault",
            field="kind",
            area=PolygonLayer(str(place / "area.geojson")),
            steps=2,
            device="cpu",
        ),
        **changes,
    )


def test_new_classes_become_a_model_that_runs(place, tmp_path):
    from ridgeline.engine.inference.runner import run_segment

    heard = []
    out = tmp_path / "model"
    result = run_finetune(job(place, out), Feedback(heard.append))
    package = load_package(out)
    assert package.spec.name == "dacher-von-herault" and package.spec.title == "Dächer von Hérault"
    assert [item.name for item in package.spec.outputs] == [*(item.name for item in OUTPUTS), "classes"]
    assert faults_of_package(out) == []
    assert not (out / WORK).exists() and (out / "validation_1.png").is_file()
    halves = {item["properties"]["half"] for item in json.loads((out / "split.geojson").read_text())["features"]}
    assert halves == {"training", "validation"}
    assert result.summary["metrics"]["validation after"]["mean_iou"] >= 0
    card = (out / "README.md").read_text()
    assert "solar" in card and "tile" in card
    pictures = [event.detail["pictures"] for event in heard if getattr(event, "detail", None)]
    assert pictures and all(path.endswith(".png") for path in pictures[0])
    segment = SegmentJob(
        out=str(tmp_path / "run"),
        rgb=RasterInput(str(place / "rgb.tif")),
        dsm=RasterInput(str(place / "dsm.tif")),
        model=str(out),
        device="cpu",
        threads=1,
        buildings=BuildingOptions(enabled=False),
    )
    outputs = run_segment(segment, Feedback()).outputs
    with rasterio.open(outputs["classes"]) as found:
        assert set(np.unique(found.read(1))) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("scores", "keep", "left_out"), [((0.5, 0.5), False, True), ((0.5, 0.6), False, False), ((0.5, 0.5), True, False)]
)
def test_a_surface_that_does_not_help_new_classes_is_left_out_and_said(
    place, tmp_path, monkeypatch, scores, keep, left_out
):
    monkeypatch.setattr(prepare_module, "compare_rasters", lambda *_: Told(*scores))
    heard = []
    result = run_finetune(job(place, tmp_path / "m", keep_surface=keep), Feedback(heard.append))
    said = [event.message for event in heard if getattr(event, "code", None) == "surface_left_out"]
    assert len(said) == left_out and all("0.50 with the picture alone, of 0.50 with both" in words for words in said)
    assert [item.kind for item in load_package(tmp_path / "m").spec.inputs] == (["rgb"] if left_out else ["rgb", "dsm"])
    told = [item["code"] for item in result.summary["labels"]["findings"]]
    assert ("surface_left_out" in told) is left_out
    others = [event.code for event in heard if hasattr(event, "code")]
    assert len(others) == len(set(others)), "nothing is told twice"


def test_where_there_is_nothing_to_choose_rasters_are_not_compared(place, tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_module, "compare_rasters", lambda *_: pytest.fail("there is nothing to choose"))
    prepare(job(place, tmp_path / "m", field=None), Feedback())
    prepare(job(place, tmp_path / "m", dsm=None), Feedback())
    inputs = tuple(replace(item, optional=False) for item in INPUTS)
    info = PackageInfo("both", "1", inputs, OUTPUTS, GsdSpec(GSD, 0.25, 1.0), TileSpec(256, 32, 64))
    export_package(tiny_model(), info, tmp_path / "both", half=False)
    prepare(job(place, tmp_path / "m", model=str(tmp_path / "both")), Feedback())  # it needs both


def test_a_picture_alone_is_met_as_a_run_meets_it(place, tmp_path):
    model = tiny_model()
    model.calibrate("building", without_dsm=1.5, without_rgb=-0.5)
    info = PackageInfo("tiny", "1", INPUTS, OUTPUTS, GsdSpec(GSD, 0.25, 1.0), TileSpec(256, 32, 64))
    export_package(model, info, tmp_path / "tiny", half=False)
    alone = job(place, tmp_path / "m", model=str(tmp_path / "tiny"), dsm=None)
    both = replace(alone, dsm=RasterInput(str(place / "dsm.tif")))
    biases = []
    for one in (alone, both):
        ready = prepare(one, Feedback())
        learner = with_tasks(ready.model, ready.teaching.config)
        biases.append(learner.heads.bias[len(ROOF_CLASSES) + len(LAND_COVER)].item())
    assert biases[0] - biases[1] == pytest.approx(1.5)
    run_finetune(replace(alone, steps=1), Feedback())
    spec = load_package(tmp_path / "m").spec
    assert [(item.name, item.optional) for item in spec.inputs] == [("rgb", False)], "it takes what it was taught with"
    assert faults_of_package(tmp_path / "m") == []


@pytest.mark.parametrize(
    ("new", "learnt", "coarse"), [(True, True, False), (True, False, False), (False, True, False), (False, False, True)]
)
def test_what_was_learnt_is_not_looked_for_at_half_the_resolution(place, tmp_path, monkeypatch, new, learnt, coarse):
    monkeypatch.setattr(History, "is_start", property(lambda _self: not learnt))
    seen_far = TileSpec(256, 32, 64, looks=2, coarse_picture=True)
    info = PackageInfo("tiny", "1", INPUTS, OUTPUTS, GsdSpec(GSD, 0.25, 1.0), seen_far)
    export_package(tiny_model(), info, tmp_path / "tiny", half=False)
    words = {} if new else {"classes": tuple(ClassMapping(name, "building") for name in ("solar", "tile"))}
    run_finetune(job(place, tmp_path / "m", model=str(tmp_path / "tiny"), dsm=None, steps=1, **words), Feedback())
    assert load_package(tmp_path / "m").spec.tile == replace(seen_far, coarse_picture=coarse)


def test_new_classes_are_moved_to_the_shares_of_what_can_be_read_of_other_ground(place, tmp_path, monkeypatch):
    write(tmp_path / "west.geojson", [shapely.box(WEST, NORTH - 128, WEST + 64, NORTH)], ["a"])
    area = PolygonLayer(str(tmp_path / "west.geojson"))
    seen, real = [], run.read_tiles

    def broken_in_the_end(*args):
        yield next(real(*args))
        raise RidgelineError(ErrorCode.INPUT_UNREADABLE, "A block is broken.", "Copy the file again.")

    def shares_shift(model, lesson, tiles, device):
        seen.append((_class_biases(model), [tile.known for tile in tiles]))
        return np.array([-1.5, 0.0, 0.5])

    monkeypatch.setattr(run, "read_tiles", broken_in_the_end)
    monkeypatch.setattr(run, "shares_shift", shares_shift)
    run_finetune(job(place, tmp_path / "m", steps=1, area=area), Feedback())
    ((before, (known,)),) = seen
    after = _class_biases(trainable_model(load_package(tmp_path / "m")))
    assert after - before == pytest.approx(np.array([-1.5, 0.0, 0.5]), abs=0.01)
    # the western half is labelled, and of what can be read one tile came before the fault
    assert known.any() and not known.all()


def test_without_a_background_shares_elsewhere_say_nothing(place, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "shares_shift", lambda *_: pytest.fail("the classes are not all that there is"))
    run_finetune(job(place, tmp_path / "m", steps=1, area=None), Feedback())


def _trained(monkeypatch, told):
    """Let the training change every weight, whatever validates, and remember the network before and after."""
    train = run.train

    def whole(model, lesson, *rest):
        trained = train(model, lesson, *rest)
        with torch.no_grad():
            for value in trained.network.parameters():
                value.add_(0.5)
        trained.history.best_step = 1
        told.update(before=lesson.before.state_dict(), after=trained.network.state_dict())
        return trained

    monkeypatch.setattr(run, "train", whole)


@pytest.mark.parametrize("count", [16, 9])
def test_of_what_a_few_buildings_teach_a_part_is_kept(place, tmp_path, monkeypatch, count):
    told = {}
    _trained(monkeypatch, told)
    write(tmp_path / "labels.geojson", BOXES[:count], ["house"] * count)
    layer = PolygonLayer(str(tmp_path / "labels.geojson"))
    mapping = (ClassMapping("house", "building"),)
    result = run_finetune(job(place, tmp_path / "model", labels=layer, classes=mapping), Feedback())
    share = run.share_learnt(result.summary["labels"]["classes"]["building"]["polygons"])
    assert 0.2 < share < 0.5
    kept = trainable_model(load_package(tmp_path / "model")).state_dict()
    for name, value in told["before"].items():
        if value.is_floating_point() and name in kept:
            wanted = value + share * (told["after"][name] - value)
            # a package's weights are stored as float16
            torch.testing.assert_close(kept[name].float(), wanted.float(), rtol=2e-3, atol=2e-3)


def test_new_classes_keep_all_that_they_learnt(place, tmp_path, monkeypatch):
    told = {}
    _trained(monkeypatch, told)
    run_finetune(job(place, tmp_path / "model", area=None), Feedback())
    kept = trainable_model(load_package(tmp_path / "model")).state_dict()
    for name, value in told["after"].items():
        if value.is_floating_point() and name in kept and value.ndim > 1:
            torch.testing.assert_close(kept[name].float(), value.float(), rtol=2e-3, atol=2e-3)


@given(few=st.integers(0, 10**6), more=st.integers(1, 10**6))
def test_more_polygons_are_trusted_more(few, more):
    assert 0 <= run.share_learnt(few) < run.share_learnt(few + more) < 1


def _class_biases(model):
    """Return the biases of the new classes, which are the last outputs."""
    return model.heads.bias[-model.config.tasks[-1].channels :].detach().numpy().copy()


def test_a_model_with_int8_teaches_one_with_int8_and_goes_on_if_killed_at_its_end(place, tmp_path, monkeypatch):
    base, out = tmp_path / "base", tmp_path / "model"
    shutil.copytree(place / "tiny", base)
    random = np.random.default_rng(0)
    tile = {item.name: random.normal(size=(1, item.channels, 256, 256)).astype(np.float32) for item in INPUTS}
    add_int8(load_package(base), [tile], first=True)
    wanted = job(place, out, model=str(base))

    def killed(*_args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(run, "add_int8_like", killed)
        run_finetune(wanted, Feedback())
    assert not (out / "model.json").exists() and (out / WORK).exists()
    run_finetune(wanted, Feedback())
    weights = [(item.format, item.precision) for item in load_package(out).spec.weights]
    assert weights[0] == ("onnx", "int8") and ("onnx", "fp32") in weights
    assert faults_of_package(out) == [] and not (out / WORK).exists()


def test_what_validated_and_taught_in_the_end_scores_the_network_before_that(place, tmp_path, monkeypatch):
    seen = []
    real = run.train

    def rising(model, lesson, *rest):
        trained = real(model, lesson, *rest)
        seen.append((lesson, trained))
        return trained

    monkeypatch.setattr(run, "train", rising)
    monkeypatch.setattr(run, "shares_shift", lambda model, *_: np.array([0.25, 0.0, -0.25]))
    monkeypatch.setattr(History, "takes_over", lambda self, score: True)
    result = run_finetune(job(place, tmp_path / "m", steps=3, dsm=None), Feedback())
    ((lesson, trained),) = seen
    assert trained.history.joined == pytest.approx(2 / 3) and result.summary["best_step"] == 2
    kept = trainable_model(load_package(tmp_path / "m"))
    shift = np.array([0.25, 0.0, -0.25])
    assert _class_biases(kept) == pytest.approx(_class_biases(trained.network) + shift, abs=2e-3)
    trained.validated.shift("classes", torch.from_numpy(shift))
    told = validate(trained.validated, lesson).plain.as_dict()
    assert result.summary["metrics"]["validation after"] == told
    assert "what had validated taught, too" in (tmp_path / "m" / "README.md").read_text()


def test_a_check_trains_nothing(place, tmp_path):
    out = tmp_path / "check"
    result = run_finetune(job(place, out, check_only=True), Feedback())
    assert sorted(path.name for path in out.iterdir()) == ["split.geojson"]
    classes = result.summary["labels"]["classes"]
    assert classes["solar"]["polygons"] + classes["solar"]["validation_polygons"] == 8
    assert result.summary["classes"] == ["solar", "tile", "background"]


def test_a_cancelled_training_keeps_what_it_needs_to_go_on_and_goes_on(place, tmp_path):
    out = tmp_path / "model"
    seen = []

    def note(event):
        if getattr(event, "phase", "") == "training":
            seen.append(event)

    with pytest.raises(Cancelled):
        run_finetune(job(place, out), Feedback(note, cancelled=lambda: bool(seen)))
    assert list((out / WORK).glob("*/state.pt")) and not (out / "model.json").exists()
    labels = json.loads((place / "labels.geojson").read_text())
    other = tmp_path / "other.geojson"
    other.write_text(json.dumps({**labels, "features": labels["features"][:12]}))
    with pytest.raises(Cancelled):  # other labels are another training
        run_finetune(job(place, out, labels=PolygonLayer(str(other))), Feedback(note, cancelled=lambda: len(seen) > 1))
    assert len(list((out / WORK).iterdir())) == 2


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"rgb": None, "dsm": None}, ErrorCode.BAD_JOB, "no raster"),
        ({"gsd": 3.0}, ErrorCode.GSD_OUT_OF_RANGE, "3 m"),
        ({"field": "colour"}, ErrorCode.BAD_LABELS, "'colour'"),
        ({"classes": (ClassMapping("roof", "solar"),)}, ErrorCode.BAD_LABELS, "no polygon that can teach"),
        ({"classes": (ClassMapping("solar", "solar"),), "area": None}, ErrorCode.BAD_LABELS, "where it is not"),
    ],
)
def test_bad_input_is_one_clear_sentence(place, tmp_path, changes, code, word):
    with pytest.raises(RidgelineError, match=word) as fault:
        run_finetune(job(place, tmp_path / "m", **changes), Feedback())
    assert fault.value.code is code and fault.value.hint and not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("shapes", "code", "word"),
    [
        ([shapely.box(0, 0, 10, 10)] * 2, ErrorCode.NO_OVERLAP, "None of the labels"),
        (BOXES[:1], ErrorCode.BAD_LABELS, "nothing to validate"),
    ],
)
def test_labels_that_cannot_teach_are_refused_before_training(place, tmp_path, shapes, code, word):
    write(tmp_path / "few.geojson", shapes, ["solar", "tile"][: len(shapes)])
    area = None if len(shapes) == 2 else PolygonLayer(str(place / "area.geojson"))
    few = PolygonLayer(str(tmp_path / "few.geojson"))
    with pytest.raises(RidgelineError, match=word) as fault:
        run_finetune(job(place, tmp_path / "m", labels=few, area=area), Feedback())
    assert fault.value.code is code


def test_a_model_is_not_overwritten_unasked(place, tmp_path):
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(RidgelineError) as fault:
        run_finetune(job(place, tmp_path), Feedback())
    assert fault.value.code is ErrorCode.OUTPUT_EXISTS


@pytest.mark.parametrize(
    ("title", "name"),
    [("Dächer 2023", "dacher-2023"), ("../../etc", "etc"), ("", "my-model"), ("CON", "my-model"), ("屋根", "my-model")],
)
def test_a_title_becomes_a_name_that_is_safe_in_every_file_system(title, name):
    assert package_name(title) == name
    assert Path(package_name(title)).name == package_name(title)

"""``ridgeline buildings``: a class raster becomes polygons, whatever its CRS, its classes and the strips."""

import json

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin
from rasterio.warp import Resampling, calculate_default_transform, reproject

from ridgeline.engine.cli import main
from ridgeline.engine.feedback import Feedback
from ridgeline.engine.jobs import BuildingOptions, ErrorCode, RasterInput, Region, RidgelineError, from_dict, to_dict
from ridgeline.engine.jobs.buildings import BuildingsJob
from ridgeline.engine.vector import buildings_job
from ridgeline.engine.vector.buildings_job import run_buildings

PLACE = from_origin(500_000.25, 5_600_000.25, 0.5, 0.5)  # not on the lattice: half a pixel off


def write(path, values, crs="EPSG:25832", transform=PLACE, tags=None, nodata=0):
    profile = {"driver": "GTiff", "count": 1, "height": values.shape[0], "width": values.shape[1], "nodata": nodata}
    with rasterio.open(path, "w", crs=crs, transform=transform, dtype=values.dtype, **profile) as out:
        out.write(values, 1)
        out.update_tags(**(tags or {}))
    return path


@pytest.fixture
def classes(tmp_path):
    """Three buildings (id 2) of 10 m by 8 m among grass (id 3)."""
    values = np.full((160, 200), 3, np.uint8)
    for row, col in ((20, 20), (20, 120), (100, 60)):
        values[row : row + 16, col : col + 20] = 2
    return write(tmp_path / "land_cover.tif", values, tags={"CLASS_2": "building", "CLASS_3": "low_vegetation"})


def read(folder):
    meta, _, shapes, values = pyogrio.raw.read(folder / "buildings.gpkg", layer="buildings")
    return meta, shapely.from_wkb(shapes), dict(zip(meta["fields"], values))


def test_the_class_called_building_is_found(classes, tmp_path):
    result = run_buildings(BuildingsJob(str(tmp_path / "o"), RasterInput(str(classes))), Feedback())
    assert result.summary["buildings"] == 3
    meta, shapes, values = read(tmp_path / "o")
    assert [shape.area for shape in shapes] == pytest.approx([80, 80, 80])
    assert shapes[0].bounds == pytest.approx((500_010.25, 5_599_982.25, 500_020.25, 5_599_990.25), abs=0.26)
    assert np.isnan(values["ground_m"]).all()
    assert rasterio.crs.CRS.from_user_input(meta["crs"]).to_epsg() == 25832


def test_other_classes_can_be_asked_for(classes, tmp_path):
    job = BuildingsJob(str(tmp_path / "o"), RasterInput(str(classes)), building=(3,))
    assert run_buildings(job, Feedback()).summary["buildings"] == 1
    assert len(read(tmp_path / "o")[1][0].interiors) == 3


def test_strips_change_nothing(classes, tmp_path, monkeypatch):
    run_buildings(BuildingsJob(str(tmp_path / "a"), RasterInput(str(classes))), Feedback())
    monkeypatch.setattr(buildings_job, "_STRIP_PX", 600)
    run_buildings(BuildingsJob(str(tmp_path / "b"), RasterInput(str(classes))), Feedback())
    first, second = read(tmp_path / "a"), read(tmp_path / "b")
    assert [shapely.to_wkt(shape) for shape in first[1]] == [shapely.to_wkt(shape) for shape in second[1]]
    assert first[2]["id"].tolist() == second[2]["id"].tolist() == [1, 2, 3]


def test_a_raster_in_degrees_still_gives_square_metres(classes, tmp_path):
    with rasterio.open(classes) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:4326", source.width, source.height, *source.bounds, resolution=3e-6
        )
        values = np.zeros((height, width), np.uint8)
        reproject(
            source.read(1), values, src_transform=source.transform, src_crs=source.crs, dst_transform=transform,
            dst_crs="EPSG:4326", resampling=Resampling.nearest,
        )  # fmt: skip
    path = write(tmp_path / "degrees.tif", values, "EPSG:4326", transform, {"CLASS_2": "building"})
    run_buildings(BuildingsJob(str(tmp_path / "o"), RasterInput(str(path))), Feedback())
    _, shapes, values = read(tmp_path / "o")
    assert [shape.area for shape in shapes] == pytest.approx([80, 80, 80], rel=0.06)
    assert values["area_m2"].tolist() == [shape.area for shape in shapes]


def test_a_surface_gives_heights_and_a_roof_raster_gives_classes(classes, tmp_path):
    with rasterio.open(classes) as source:
        mask = source.read(1) == 2
    surface = np.where(mask, 46.5, 40).astype(np.float32)
    dsm = write(tmp_path / "dsm.tif", surface, nodata=-9999)
    roofs = write(tmp_path / "roof.tif", np.where(mask, 2, 0).astype(np.uint8))
    job = BuildingsJob(
        str(tmp_path / "o"), RasterInput(str(classes)), roof_classes=RasterInput(str(roofs)), dsm=RasterInput(str(dsm))
    )
    run_buildings(job, Feedback())
    values = read(tmp_path / "o")[2]
    assert values["ridge_height_m"] == pytest.approx([6.5] * 3, abs=0.1)
    assert values["ground_m"] == pytest.approx([40] * 3, abs=0.1)
    assert values["roof_class"].tolist() == ["gable"] * 3
    assert np.isnan(values["azimuth_deg"]).all()


def test_a_region_cuts_the_buildings(classes, tmp_path):
    region = Region(bbox=(500_000, 5_599_960, 500_050, 5_600_000))
    run_buildings(BuildingsJob(str(tmp_path / "o"), RasterInput(str(classes)), region=region), Feedback())
    assert len(read(tmp_path / "o")[1]) == 1


def test_results_are_not_overwritten_and_numbers_with_fractions_are_refused(classes, tmp_path):
    job = BuildingsJob(str(tmp_path / "o"), RasterInput(str(classes)))
    run_buildings(job, Feedback())
    with pytest.raises(RidgelineError) as fault:
        run_buildings(job, Feedback())
    assert fault.value.code == ErrorCode.OUTPUT_EXISTS
    heights = write(tmp_path / "heights.tif", np.ones((50, 50), np.float32))
    with pytest.raises(RidgelineError) as fault:
        run_buildings(BuildingsJob(str(tmp_path / "p"), RasterInput(str(heights))), Feedback())
    assert fault.value.code == ErrorCode.BAD_BANDS
    assert "class raster 'heights.tif'" in fault.value.message
    with pytest.raises(RidgelineError, match=r"class raster 'none\.tif'"):
        run_buildings(BuildingsJob(str(tmp_path / "p"), RasterInput(str(tmp_path / "none.tif"))), Feedback())


def test_a_job_goes_through_json_and_the_command_runs_it(classes, tmp_path):
    options = BuildingOptions(regularise=False, min_area_m2=2.0)
    job = BuildingsJob(str(tmp_path / "o"), RasterInput(str(classes)), (2,), options=options)
    assert from_dict(BuildingsJob, json.loads(json.dumps(to_dict(job)))) == job
    (tmp_path / "job.json").write_text(json.dumps(to_dict(job)))
    assert main(["buildings", "--job", str(tmp_path / "job.json")]) == 0
    assert main(["buildings", "--classes", str(classes), "--class", "2", "--out", str(tmp_path / "q")]) == 0
    assert len(read(tmp_path / "o")[1]) == len(read(tmp_path / "q")[1]) == 3

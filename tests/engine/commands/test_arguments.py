"""What the user knows better than a raster's file reaches the job, by the same words in every command."""

import argparse

import pytest

from ridgeline.engine.commands import buildings, evaluate, finetune, ground, segment
from ridgeline.engine.jobs import RasterInput

SURFACE = ["--dsm", "s.tif", "--dsm-band", "2", "--dsm-crs", "EPSG:25832", "--dsm-nodata", "-99", "--dsm-unit", "foot"]
PICTURE = ["--rgb", "p.tif", "--rgb-bands", "3", "2", "1", "--rgb-crs", "EPSG:2154", "--rgb-nodata", "-1"]
WANTED_SURFACE = RasterInput("s.tif", (2,), "EPSG:25832", -99.0, "foot")
WANTED_PICTURE = RasterInput("p.tif", (3, 2, 1), "EPSG:2154", -1.0)


def job(command, words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.job_of(parser.parse_args([*words, "--out", "results"]))


@pytest.mark.parametrize(
    ("command", "words"),
    [(segment, []), (finetune, ["--labels", "l.gpkg"]), (evaluate, ["--truth", "t.gpkg"])],
    ids=["segment", "finetune", "evaluate"],
)
def test_both_rasters_are_described_alike(command, words):
    made = job(command, [*PICTURE, *SURFACE, *words])
    assert made.rgb == WANTED_PICTURE
    assert made.dsm == WANTED_SURFACE


@pytest.mark.parametrize(
    ("command", "words"), [(ground, []), (buildings, ["--classes", "c.tif"])], ids=["ground", "buildings"]
)
def test_a_surface_alone_is_described_alike(command, words):
    assert job(command, [*SURFACE, *words]).dsm == WANTED_SURFACE


def test_what_is_not_said_is_left_to_the_file():
    made = job(segment, ["--rgb", "p.tif"])
    assert made.rgb == RasterInput("p.tif")
    assert made.dsm is None

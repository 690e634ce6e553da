"""The areas held back for evaluation exist and cannot get into a training list."""

import pytest

from ridgeline.engine.evaluation.areas import (
    EMPTY_AREA,
    PICTURE_AREAS,
    SURFACE_AREAS,
    check_never_trained_on,
)
from ridgeline.engine.evaluation.roofs import CITY


def files():
    for area in (*SURFACE_AREAS, *PICTURE_AREAS, EMPTY_AREA):
        yield from (item for item in (*area.rgb, area.dsm, area.truth) if item)
    yield from (CITY, "lod2/nrw_32_280_5657_footprints_rooftype.geojson")


def test_every_file_of_every_area_is_there(shared_data):
    assert [item for item in files() if not (shared_data / item).is_file()] == []


@pytest.mark.parametrize("file", list(files()))
def test_no_test_area_gets_into_a_training_list(file):
    with pytest.raises(ValueError, match="held back"):
        check_never_trained_on(["lod2/zurich_subset_lod2.json", file])


def test_other_files_may_be_trained_on():
    check_never_trained_on(["lod2/zurich_subset_lod2.json", "lod2/DH_01_subs.city.json"])

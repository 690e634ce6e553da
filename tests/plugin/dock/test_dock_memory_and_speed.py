"""What is remembered in the project and about the machine."""

import pytest
from qgis.core import QgsProject

from ridgeline.plugin.dock.logic import memory, speed


def test_choices_survive_saving_and_loading_the_project(qgis_new_project, tmp_path):
    memory.ProjectMemory().write("segment/gsd", 0.2)
    memory.ProjectMemory().write("segment/regularise", False)
    file = str(tmp_path / "project é.qgz")
    assert QgsProject.instance().write(file)
    QgsProject.instance().clear()
    assert memory.ProjectMemory().read("segment/gsd") == ""
    assert QgsProject.instance().read(file)
    assert memory.ProjectMemory().read_float("segment/gsd", 0) == 0.2
    assert memory.ProjectMemory().read_bool("segment/regularise", True) is False


def test_writing_the_same_again_does_not_mark_the_project_as_changed(qgis_new_project):
    memory.ProjectMemory().write("segment/model", "toy")
    QgsProject.instance().setDirty(False)
    memory.ProjectMemory().write("segment/model", "toy")
    assert not QgsProject.instance().isDirty()


def test_only_listed_keys_are_used_and_all_of_them_are_documented():
    with pytest.raises(KeyError):
        memory.ProjectMemory().write("segment/secret", 1)
    for key in memory.KEYS:
        assert f"``{key}``" in memory.__doc__, key


def test_broken_numbers_in_a_project_give_the_default(qgis_new_project):
    memory.ProjectMemory().write("segment/gsd", "wide")
    assert memory.ProjectMemory().read_float("segment/gsd", 0.5) == 0.5


def test_the_speed_of_a_run_is_learned_and_later_runs_count_half(qgis_app):
    key = speed.key_of("my model/1", "dsm+rgb", "auto")
    assert speed.recall(key) is None
    assert speed.remember(key, tiles=10, tiles_s=20.0, total_s=25.0) == speed.Speed(2.0, 5.0)
    assert speed.recall(key).seconds(100) == 205.0
    speed.remember(key, tiles=10, tiles_s=40.0, total_s=41.0)
    assert speed.recall(key) == speed.Speed(3.0, 3.0)
    speed.remember(key, tiles=0.5, tiles_s=1.5, total_s=4.5)  # half a tile: the raster ended there
    assert speed.recall(key) == speed.Speed(3.0, 3.0)
    assert speed.remember(key, tiles=0, tiles_s=0.0, total_s=1.0) == speed.Speed(3.0, 3.0)
    assert speed.recall(speed.key_of("my model/1", "rgb", "auto")) is None

"""Runs that were interrupted are found again, those of other windows are left alone."""

import subprocess
import sys
from pathlib import Path

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsProject, QgsReferencedGeometry, QgsSettings

from ridgeline.plugin.dock.logic import pending


def noted(folder, title="Toy"):
    folder.mkdir()
    run = pending.Pending(folder, title, {"MODEL": "toy"})
    pending.note(run)
    return run


def test_a_noted_run_is_found_until_it_is_forgotten(qgis_app, tmp_path):
    assert pending.interrupted() is None
    noted(tmp_path / "a", "first")
    second = noted(tmp_path / "b é", "second")
    assert pending.interrupted() == second
    pending.forget(tmp_path / "b é")
    assert pending.interrupted().title == "first"
    pending.forget(tmp_path / "a")
    assert pending.interrupted() is None


def test_a_run_whose_folder_is_gone_is_forgotten(qgis_app, tmp_path):
    noted(tmp_path / "a")
    (tmp_path / "a").rmdir()
    assert pending.interrupted() is None
    assert not QgsSettings().contains(pending.KEY)


def test_a_run_that_another_window_works_on_is_not_offered(qgis_app, tmp_path):
    noted(tmp_path / "a")
    lock = pending.folder_lock(tmp_path / "a")
    assert lock.tryLock(0)
    assert pending.interrupted() is None
    lock.unlock()
    assert pending.interrupted() is not None


def test_the_lock_of_a_dead_window_does_not_hold(qgis_app, tmp_path):
    noted(tmp_path / "a")
    program = (
        "import os, sys; from qgis.PyQt.QtCore import QLockFile; lock = QLockFile(sys.argv[1]); "
        "lock.setStaleLockTime(0); assert lock.tryLock(0); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a" / pending.LOCK)], check=True, timeout=60)
    assert (tmp_path / "a" / pending.LOCK).exists()
    assert pending.interrupted() is not None


def test_parameters_go_through_the_settings_and_come_back(qgis_new_project, tmp_path, pair):
    crs = QgsCoordinateReferenceSystem("EPSG:25832")
    region = QgsReferencedGeometry(QgsGeometry.fromWkt("POLYGON((0 0, 9 0, 9 9, 0 0))"), crs)
    plain = pending.plain_parameters({"RGB": pair[0], "REGION": region, "GSD": 0.25, "RGB_BANDS": [1, 2, 3]})
    (tmp_path / "a").mkdir()
    pending.note(pending.Pending(tmp_path / "a", "Toy", plain))
    found = pending.interrupted().parameters
    live = pending.live_parameters(found)
    assert live["RGB"] == pair[0] and live["GSD"] == 0.25 and live["RGB_BANDS"] == [1, 2, 3]
    assert live["REGION"].startswith("CRS=EPSG:25832;Polygon")
    source = pair[0].source()
    QgsProject.instance().clear()
    opened = pending.live_parameters(found)["RGB"]
    assert (opened.source(), opened.name(), opened.crs().authid()) == (source, "ortho_2023", "EPSG:25832")
    Path(source).unlink()
    assert pending.live_parameters(found)["RGB"] == source


def test_damaged_settings_are_no_run(qgis_app):
    QgsSettings().setValue(pending.KEY, "{nonsense")
    assert pending.interrupted() is None

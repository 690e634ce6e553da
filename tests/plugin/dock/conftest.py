"""Layers, a shelf of models, and pages on a real canvas."""

import pytest
from dock_data import desktop_font, model_json, put_model, write_raster
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer


@pytest.fixture
def raster(tmp_path):
    """Makes a raster layer; ``add`` puts it into the project."""

    def make(name, add=False, **options):
        layer = QgsRasterLayer(str(write_raster(tmp_path / f"{name}.tif", **options)), name)
        assert layer.isValid()
        if add:
            QgsProject.instance().addMapLayer(layer)
        return layer

    return make


@pytest.fixture
def pair(raster):
    """An orthophoto and a surface model of the same 50 m square, in the project."""
    rgb = raster("ortho_2023", add=True, bands=3, kind=gdal.GDT_Byte)
    return rgb, raster("town_dsm", add=True)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """The user's own folder of models, with one model in it, and none shipped."""
    from ridgeline.plugin.dock.logic import models

    folder = tmp_path / "models"
    monkeypatch.setenv("RIDGELINE_MODELS", str(folder))
    monkeypatch.setattr(models, "RESOURCES", tmp_path / "nothing shipped")
    put_model(folder, model_json())
    return folder


@pytest.fixture
def settle(qtbot):
    """Lets timers run out and events be delivered."""
    return lambda milliseconds=300: qtbot.wait(milliseconds)


@pytest.fixture
def page(qgis_new_project, qgis_iface, shelf, qtbot, settle):
    """The Segment page, shown, with an engine that counts as ready."""
    from ridgeline.plugin.dock.segment import SegmentPage

    page = SegmentPage(qgis_iface)
    page.setFont(desktop_font(page))
    page.set_engine_ready(True)
    page.resize(320, 700)
    page.show()
    settle()
    yield page
    page.release()
    page.close()
    page.deleteLater()

"""The Segment page on a real canvas: it fits, guesses, forecasts, remembers, and builds the right job."""

import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt

from ridgeline.plugin.dock.logic.job import segment_parameters
from ridgeline.plugin.dock.segment import SegmentPage

REGION = "POLYGON((500010 5599960, 500040 5599960, 500040 5599990, 500010 5599990, 500010 5599960))"


@pytest.fixture
def ready(page, pair, settle):
    """The page with a pair of layers and a drawn region."""
    settle()
    page.region.set_drawn(QgsGeometry.fromWkt(REGION), QgsCoordinateReferenceSystem("EPSG:25832"))
    settle()
    assert page.panel.run.isEnabled(), page.notes.findings
    return page


def test_an_empty_project_is_explained_and_cannot_be_run(page):
    assert "Add an orthophoto" in page.notes.findings[0].text
    assert not page.panel.run.isEnabled() and not page.sentence.isVisible()


def test_layers_are_guessed_when_they_arrive_and_when_they_were_there_before(page, pair, settle, qgis_iface, qtbot):
    settle()
    assert (page.rgb.currentLayer(), page.dsm.currentLayer()) == pair
    later = SegmentPage(qgis_iface)
    qtbot.addWidget(later)
    settle()
    assert (later.rgb.currentLayer(), later.dsm.currentLayer()) == pair
    later.release()


def test_a_layer_that_the_user_chose_is_not_guessed_over(page, pair, raster, settle):
    settle()
    page.dsm.setCurrentIndex(0)
    page.dsm.activated.emit(0)
    raster("better_dsm", add=True)
    settle()
    assert page.dsm.currentLayer() is None


def test_without_an_engine_the_page_says_so_and_leads_there(page, qtbot):
    page.set_engine_ready(False)
    assert page.banner.isVisible()
    with qtbot.waitSignal(page.engine_page_asked):
        page.banner.button.click()


def test_the_forecast_follows_region_and_options(ready, settle):
    assert ready.forecast.tiles >= 1 and "30" in ready.sentence.text()
    before = ready.forecast.tiles
    ready.advanced.gsd.setValue(0.1)
    settle()
    assert ready.forecast.gsd == 0.1 and ready.forecast.tiles > before
    ready.advanced.gsd.setValue(5.0)
    settle()
    assert ready.forecast is None and not ready.panel.run.isEnabled()


@pytest.mark.parametrize("width", [320, 400])
@pytest.mark.parametrize("open_advanced", [False, True])
def test_everything_fits_a_narrow_dock(ready, settle, width, open_advanced):
    ready.advanced.setCollapsed(not open_advanced)
    ready.resize(width, 700)
    settle()
    assert ready.width() == width, f"the page is at least {ready.minimumSizeHint().width()} px wide"
    body, view = ready.scroll.widget(), ready.scroll.viewport()
    assert body.width() <= view.width() and body.minimumSizeHint().width() <= view.width()
    assert not ready.scroll.horizontalScrollBar().isVisible()


def test_advanced_is_closed_at_first_and_four_questions_are_asked(page):
    assert page.advanced.isCollapsed()
    asked = [page.rgb, page.dsm, page.region.mode, page.model]
    assert all(widget.isVisible() and widget.accessibleName() and widget.toolTip() for widget in asked)


def test_the_keyboard_reaches_the_questions_in_their_order(ready, qtbot):
    order, widget = [], ready.rgb
    for _ in range(600):
        order.append(widget)
        widget = widget.nextInFocusChain()
    wanted = [ready.rgb, ready.dsm, ready.region.mode, ready.model, ready.panel.run]
    places = [order.index(item) for item in wanted]
    assert places == sorted(places)


def test_the_job_has_what_the_page_shows(ready, tmp_path, pair):
    ready.advanced.gsd.setValue(0.2)
    ready.advanced.min_area.setValue(25)
    assert not {"MIN_CONFIDENCE", "LOOKS"} & set(segment_parameters(ready, tmp_path / "out"))
    ready.advanced.look_count.setCurrentIndex(3)
    ready.advanced.min_confidence.setValue(60)
    ready.advanced.regularise.setChecked(False)
    ready.advanced.keep_heights.setChecked(True)
    ready.advanced.device.setCurrentIndex(1)
    ready.advanced.rgb_bands[0].setBand(3)
    ready.advanced.rgb_bands[2].setBand(1)
    job = segment_parameters(ready, tmp_path / "out")
    assert job["RGB"] is pair[0] and job["DSM"] is pair[1] and job["MODEL"] == "toy"
    assert job["RGB_BANDS"] == [3, 2, 1] and job["DSM_BAND"] == 1
    assert job["GSD"] == 0.2 and job["MIN_AREA"] == 25 and job["DEVICE"] == "cpu"
    assert job["MIN_CONFIDENCE"] == 0.6 and job["LOOKS"] == "4"
    assert job["REGULARISE"] is False and job["KEEP_HEIGHTS"] is True and job["SKIP_EMPTY"] is False
    assert job["REGION"].crs().authid() == "EPSG:25832" and job["REGION"].area() == pytest.approx(900)
    assert job["OUTPUT"] == str(tmp_path / "out") and job["OVERWRITE"] is False


def test_the_algorithm_understands_the_job(ready, tmp_path, provider):
    from qgis.core import QgsApplication, QgsProcessingContext

    algorithm = QgsApplication.processingRegistry().createAlgorithmById("ridgeline:segment")
    names = {definition.name() for definition in algorithm.parameterDefinitions()}
    job = segment_parameters(ready, tmp_path / "out")
    assert set(job) <= names, set(job) - names
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    assert algorithm.checkParameterValues(job, context) == (True, "")
    ready.dsm.setCurrentIndex(0)
    assert "DSM" not in segment_parameters(ready, tmp_path / "out")


def test_choices_come_back_with_the_project(ready, pair, tmp_path, settle):
    ready.advanced.min_area.setValue(33)
    ready.advanced.min_confidence.setValue(0)
    ready.advanced.look_count.setCurrentIndex(4)
    ready.advanced.skip_empty.setChecked(True)
    ready.dsm.setLayer(pair[1])
    ready.dsm.activated.emit(ready.dsm.currentIndex())
    settle()
    file = str(tmp_path / "town.qgz")
    assert QgsProject.instance().write(file)
    QgsProject.instance().clear()
    ready.recall()
    settle()
    assert ready.advanced.least_confidence is None and ready.advanced.looks is None
    assert ready.advanced.min_area.value() == 10 and not ready.advanced.skip_empty.isChecked()
    assert ready.region.mode.currentData() == "canvas"
    assert QgsProject.instance().read(file)
    ready.recall()
    settle()
    assert ready.advanced.least_confidence == 0.0 and ready.advanced.looks == 8
    assert ready.advanced.min_area.value() == 33 and ready.advanced.skip_empty.isChecked()
    assert ready.region.mode.currentData() == "drawn"
    assert ready.region_choice.geometry.area() == pytest.approx(900)
    assert ready.dsm.currentLayer().name() == "town_dsm"


def test_bands_of_colour_are_taken_from_how_the_layer_is_drawn(page, raster, settle):
    layer = raster("infrared_ortho", bands=4, kind=gdal.GDT_Byte)
    layer.renderer().setRedBand(4)
    layer.renderer().setGreenBand(1)
    layer.renderer().setBlueBand(2)
    QgsProject.instance().addMapLayer(layer)
    settle()
    assert page.advanced.bands == [4, 1, 2]


def test_each_kind_of_region(ready, pair, qgis_iface, settle):
    canvas, picker = qgis_iface.mapCanvas(), ready.region
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:25832"))
    canvas.setExtent(QgsRectangle(500_000, 5_599_950, 500_050, 5_600_000))
    picker.mode.setCurrentIndex(0)
    assert ready.region_choice.geometry.area() >= 2500 * 0.99
    picker.mode.setCurrentIndex(1)
    picker.layer.setLayer(pair[0])
    assert ready.region_choice.geometry.area() == pytest.approx(2500)
    picker.mode.setCurrentIndex(3)
    assert "no polygon layer" in ready.region_choice.problem
    polygons = QgsVectorLayer("Polygon?crs=EPSG:25832", "blocks", "memory")
    features = [QgsFeature(), QgsFeature()]
    for number, feature in enumerate(features):
        corner = 500_000 + 20 * number
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(corner, 5_599_960, corner + 10, 5_599_970)))
    polygons.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(polygons)
    settle()
    picker.selected.setLayer(polygons)
    assert "Select one or more polygons" in ready.region_choice.problem
    polygons.selectAll()
    settle()
    assert ready.region_choice.geometry.area() == pytest.approx(200)
    assert ready.panel.run.isEnabled()
    QgsProject.instance().removeMapLayer(polygons.id())
    settle()
    assert ready.region_choice.problem and not ready.panel.run.isEnabled()


def test_a_second_click_on_a_drawing_button_gives_the_map_back(ready, qgis_iface, qtbot):
    canvas = qgis_iface.mapCanvas()
    before = canvas.mapTool()
    qtbot.mouseClick(ready.region.rectangle, Qt.MouseButton.LeftButton)
    assert ready.region.rectangle.isChecked() and canvas.mapTool() is not before
    qtbot.mouseClick(ready.region.rectangle, Qt.MouseButton.LeftButton)
    assert not ready.region.rectangle.isChecked() and canvas.mapTool() == before


def test_an_online_picture_has_no_bands_to_choose_and_a_cap(page, settle, tmp_path):
    uri = "type=xyz&url=file:///nowhere/{z}/{x}/{y}.png&zmax=19&zmin=0&crs=EPSG:3857"
    layer = QgsRasterLayer(uri, "aerial tiles", "wms")
    QgsProject.instance().addMapLayer(layer)
    settle()
    page.rgb.setLayer(layer)
    page.region.set_drawn(QgsGeometry.fromWkt(REGION), QgsCoordinateReferenceSystem("EPSG:25832"))
    page.advanced.setCollapsed(False)
    settle()
    assert page.advanced.export_cap.isVisible() and not page.advanced.rgb_bands[0].isEnabled()
    job = segment_parameters(page, tmp_path)
    assert "RGB_BANDS" not in job and job["EXPORT_CAP_MB"] == page.advanced.export_cap.value()

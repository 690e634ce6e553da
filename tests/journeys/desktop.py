"""What a journey does with the real desktop: wait, click, choose, draw, look. Runs inside QGIS."""

import os
import time
from pathlib import Path

import qgis.utils
from qgis.core import QgsApplication, QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.PyQt.QtCore import QEventLoop, QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication

PLUGIN = "ridgeline"
SAMPLES = Path(os.environ["RIDGELINE_JOURNEY_SCRIPTS"]).parents[1] / "resources" / "samples"
RGB, DSM = SAMPLES / "herault_rgb.tif", SAMPLES / "herault_dsm.tif"


class Desktop:
    """The running QGIS with the plugin; ``facts`` go into the journey's result."""

    def __init__(self, out):
        self.out = Path(out)
        self.iface = qgis.utils.iface
        self.window = self.iface.mainWindow()
        self.canvas = self.iface.mapCanvas()
        self.facts = {}
        width, height = (int(part) for part in os.environ.get("RIDGELINE_JOURNEY_SCREEN", "1366x768").split("x"))
        self.window.showNormal()
        self.window.setGeometry(0, 0, width, height)
        for dock in ("Browser", "Browser2"):
            panel = self.window.findChild(object, dock)
            if panel is not None and hasattr(panel, "hide"):
                panel.hide()
        self.settle(0.5)

    # the plugin -------------------------------------------------------------------------------------------------

    def load_plugin(self):
        qgis.utils.updateAvailablePlugins()
        assert qgis.utils.loadPlugin(PLUGIN), "the plugin cannot be imported"
        assert qgis.utils.startPlugin(PLUGIN), "the plugin cannot be started"
        return qgis.utils.plugins[PLUGIN]

    def unload_plugin(self):
        assert qgis.utils.unloadPlugin(PLUGIN), "the plugin cannot be unloaded"
        self.settle(0.2)

    def toggle_action(self):
        return self.window.findChild(object, "ridgelineToggleDock")

    def open_dock(self, width=None):
        action = self.toggle_action()
        assert action is not None and not action.isChecked(), "the dock must not open by itself"
        action.trigger()
        self.settle(0.3)
        dock = self.window.findChild(object, "RidgelineDock")
        assert dock is not None and dock.isVisible()
        if width:
            self.set_dock_width(dock, width)
        return dock

    def set_dock_width(self, dock, width):
        self.window.resizeDocks([dock], [width], Qt.Orientation.Horizontal)
        self.settle(0.3)

    # layers and map ---------------------------------------------------------------------------------------------

    def add_raster(self, path, name):
        layer = QgsRasterLayer(str(path), name)
        assert layer.isValid(), path
        QgsProject.instance().addMapLayer(layer)
        return layer

    def show(self, layer, scale=1.0):
        self.canvas.setDestinationCrs(layer.crs())
        extent = QgsRectangle(layer.extent())
        extent.scale(scale)
        self.canvas.setExtent(extent)
        self.redraw()

    def show_box(self, box, authid):
        self.canvas.setDestinationCrs(QgsCoordinateReferenceSystem(authid))
        self.canvas.setExtent(QgsRectangle(*box))
        self.redraw()

    def redraw(self):
        self.canvas.refresh()
        self.settle(0.3)
        self.wait_until(lambda: not self.canvas.isDrawing(), 30, "the map is drawn")
        self.settle(0.3)

    def pixel(self, x, y):
        """The canvas pixel of a map point."""
        point = self.canvas.getCoordinateTransform().transform(x, y)
        return QPoint(round(point.x()), round(point.y()))

    def drag(self, start, end):
        view = self.canvas.viewport()
        QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        self.settle(0.05)
        for step in range(1, 6):
            QTest.mouseMove(view, start + (end - start) * step / 5)
            self.settle(0.03)
        QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)
        self.settle(0.2)

    def click_map(self, point, button=Qt.MouseButton.LeftButton):
        QTest.mouseClick(self.canvas.viewport(), button, Qt.KeyboardModifier.NoModifier, point)
        self.settle(0.1)

    # waiting, clicking, looking -----------------------------------------------------------------------------------

    def settle(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            QApplication.sendPostedEvents(None, 0)
            time.sleep(0.005)

    def wait_until(self, condition, timeout_s, what):
        end = time.monotonic() + timeout_s
        while not condition():
            waited = f"waited {timeout_s} s in vain until {what() if callable(what) else what}"
            assert time.monotonic() < end, waited
            self.settle(0.05)

    def click(self, button):
        assert button.isVisible() and button.isEnabled(), f"{button.text()!r} cannot be clicked"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.settle(0.1)

    def screenshot(self, name, widget=None):
        QApplication.processEvents()
        path = self.out / f"{name}.png"
        assert (widget or self.window).grab().save(str(path)), path
        return path

    def groups(self):
        return [group.name() for group in QgsProject.instance().layerTreeRoot().findGroups()]

    @staticmethod
    def providers():
        return [provider.id() for provider in QgsApplication.processingRegistry().providers()]


def cut_off(page):
    """Labels, buttons and combo boxes of a page whose text does not fit, and anything that sticks out sideways."""
    from qgis.PyQt.QtWidgets import QAbstractButton, QLabel, QWidget

    faults = []
    viewport = page.scroll.viewport()
    for widget in page.findChildren(QWidget):
        if not widget.isVisible() or widget.width() <= 0:
            continue
        if page.scroll.widget().isAncestorOf(widget):
            left = widget.mapTo(page.scroll.widget(), QPoint(0, 0)).x()
            if left < 0 or left + widget.width() > viewport.width() + 1:
                faults.append(f"{type(widget).__name__} {_text(widget)!r} sticks out: {left}+{widget.width()}")
        if isinstance(widget, QAbstractButton) and widget.text() and widget.width() < widget.minimumSizeHint().width():
            faults.append(f"the button {widget.text()!r} is cut off")
        if isinstance(widget, QLabel) and widget.text():
            if widget.wordWrap():
                words = widget.text().replace("\u200b", " ").split() if "<" not in widget.text() else []
                widest = max((widget.fontMetrics().horizontalAdvance(word) for word in words), default=0)
                if widest > widget.width():
                    faults.append(f"the label {widget.text()[:60]!r} has a word that does not fit")
                if widget.height() + 1 < widget.heightForWidth(widget.width()):
                    faults.append(f"the label {widget.text()[:60]!r} is cut off below")
            elif widget.width() < widget.minimumSizeHint().width():
                faults.append(f"the label {widget.text()!r} is cut off")
    return faults


def _text(widget):
    return widget.text()[:40] if hasattr(widget, "text") and callable(widget.text) else ""


# processes and data ---------------------------------------------------------------------------------------------


def engine_processes():
    """Ids of the engines that this QGIS started and that still run (zombies are none)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            status = (entry / "status").read_text()
            variables = (entry / "environ").read_bytes()
        except OSError:
            continue
        ours = f"RIDGELINE_JOURNEY_OUT={os.environ['RIDGELINE_JOURNEY_OUT']}\0".encode()
        if b"engine/__main__.py" in command and ours in variables + b"\0" and "State:\tZ" not in status:
            found.append(int(entry.name))
    return found


def big_pair(folder, rgb, dsm, times):
    """Write a pair of ``times`` x ``times`` mirrored copies of two rasters, so that a run takes a while."""
    import numpy as np
    from osgeo import gdal

    gdal.UseExceptions()
    paths = []
    for source in (rgb, dsm):
        data = gdal.Open(str(source))
        array = data.ReadAsArray()
        stack = array if array.ndim == 3 else array[None]
        pair = np.concatenate([stack, stack[:, :, ::-1]], axis=2)
        block = np.concatenate([pair, pair[:, ::-1]], axis=1)
        big = np.tile(block, (1, times // 2, times // 2))
        path = Path(folder) / f"big_{Path(source).name}"
        kind = data.GetRasterBand(1).DataType
        options = ["TILED=YES", "COMPRESS=DEFLATE"]
        made = gdal.GetDriverByName("GTiff").Create(str(path), big.shape[2], big.shape[1], big.shape[0], kind, options)
        made.SetGeoTransform(data.GetGeoTransform())
        made.SetProjection(data.GetProjection())
        for number, band in enumerate(big, 1):
            made.GetRasterBand(number).WriteArray(band)
        nodata = data.GetRasterBand(1).GetNoDataValue()
        if nodata is not None:
            made.GetRasterBand(1).SetNoDataValue(nodata)
        made.FlushCache()
        paths.append(path)
    return paths

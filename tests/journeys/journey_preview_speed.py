"""How long the map's user waits for the preview with the default model; a measurement, not a test."""

import os
import statistics
import tempfile
import time

from desktop import DSM, RGB, big_pair

from ridgeline.engine.jobs.serve import LoadRequest

VIEW = (1000, 700)
GSD = 0.25
PANS = 18


def journey(desktop):
    desktop.load_plugin()
    dock = desktop.open_dock(320)
    dock.engine.use_python(os.environ["RIDGELINE_JOURNEY_PYTHON"])
    desktop.wait_until(lambda: not dock.engine.work.running, 120, "the Python is tried")
    dock.tabs.setCurrentWidget(dock.segment)
    with tempfile.TemporaryDirectory() as folder:
        measure(desktop, dock.segment, folder)


def measure(desktop, segment, folder):
    """Debouncing, pipes and drawing included; seconds by the clock, kept as facts."""
    rgb = begin_at_a_corner(desktop, folder)
    desktop.wait_until(segment.panel.run.isEnabled, 5, lambda: str(segment.notes.findings))
    segment.model.setCurrentIndex(segment.model.findData("ridgeline-compact"))
    live, panel = segment.preview.live, segment.preview.panel
    pictures = Pictures(desktop, live)

    began = time.monotonic()
    loaded = []
    segment.preview.engine.answered.connect(lambda _identity, _result: loaded.append(time.monotonic()))
    segment.preview.engine.ask(LoadRequest(segment.preview._scene()))
    desktop.wait_until(lambda: loaded, 60, "the model is loaded")
    facts = {"view": [desktop.canvas.width(), desktop.canvas.height(), desktop.canvas.mapUnitsPerPixel()]}
    facts["load_s"] = round(loaded[0] - began, 3)

    began = time.monotonic()
    panel.preview.click()
    facts["first_view_s"] = pictures.wait(began)
    facts["first_result_s"] = pictures.first_after(began)
    memory = [memory_mb()]
    waits, own, computed, seconds = [], [], [], []
    for step in range(PANS):
        across, down = (1, 0) if step % 2 == 0 else (0, 1)
        extent = desktop.canvas.extent()
        dx, dy = across * extent.width() / 3, -down * extent.height() / 3
        extent.set(extent.xMinimum() + dx, extent.yMinimum() + dy, extent.xMaximum() + dx, extent.yMaximum() + dy)
        began, busy = time.monotonic(), time.process_time()
        assert rgb.extent().contains(extent), "the pans leave the rasters"
        desktop.canvas.setExtent(extent)
        desktop.canvas.refresh()
        waits.append(pictures.wait(began))
        own.append(round(time.process_time() - busy, 3))
        computed.append(pictures.summary["computed"])
        seconds.append(pictures.summary["seconds"])
        memory.append(memory_mb())
    facts["pan_median_s"], facts["pan_worst_s"] = statistics.median(waits), max(waits)
    facts["pans_s"], facts["tiles"], facts["engine_s"], facts["qgis_cpu_s"] = waits, computed, seconds, own
    facts["qgis_mb"] = [memory[0], memory[-1]]
    facts["clicks_s"] = clicks(desktop, segment)
    desktop.facts.update(facts)
    desktop.screenshot("default_model")


def begin_at_a_corner(desktop, folder):
    """Show the north-western corner of a large pair in a map of VIEW pixels; return the picture's layer."""
    big_rgb, big_dsm = big_pair(folder, RGB, DSM, 22)
    rgb = desktop.add_raster(big_rgb, "ortho")
    desktop.add_raster(big_dsm, "surface")
    window, canvas = desktop.window, desktop.canvas
    desktop.show(rgb)
    for _ in range(3):  # panels take what they need first
        width = window.width() + VIEW[0] - canvas.width()
        window.resize(width, window.height() + VIEW[1] - canvas.height())
        desktop.settle(0.5)
    canvas.zoomByFactor(GSD / canvas.mapUnitsPerPixel())
    extent, whole = canvas.extent(), rgb.extent()
    dx, dy = whole.xMinimum() + 5 - extent.xMinimum(), whole.yMaximum() - 5 - extent.yMaximum()
    extent.set(extent.xMinimum() + dx, extent.yMinimum() + dy, extent.xMaximum() + dx, extent.yMaximum() + dy)
    canvas.setExtent(extent)
    desktop.redraw()
    return rgb


class Pictures:
    """When pictures of the preview were drawn, and what the engine said of the last."""

    def __init__(self, desktop, live):
        self._desktop = desktop
        self._drawn, self._answers = [], []
        show = live._maker._ready
        live._maker._ready = lambda image, settings: (show(image, settings), self._drawn.append(time.monotonic()))
        live.pictured.connect(lambda summary: self._answers.append((time.monotonic(), summary)))

    @property
    def summary(self):
        return self._answers[-1][1]

    def first_after(self, began):
        return round(next(moment for moment in self._drawn if moment > began) - began, 3)

    def wait(self, began):
        """Wait for the whole picture of what was asked after ``began``; return how long it took."""
        self._until(lambda: self._answers and self._answers[-1][0] > began, "a preview")
        self._until(lambda: self._drawn and self._drawn[-1] >= self._answers[-1][0], "it is drawn")
        return round(self._drawn[-1] - began, 3)

    def _until(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"waited in vain until {what}"
            self._desktop.settle(0.01)


def clicks(desktop, segment):
    """Click around the middle of the map; return how long each answer took."""
    roofs = segment.preview.roofs
    desktop.click(segment.preview.panel.roofs)
    centre = desktop.canvas.viewport().rect().center()
    times = []
    for step in range(9):
        began = time.monotonic()
        desktop.click_map(centre + centre.__class__((step % 3 - 1) * 150, (step // 3 - 1) * 120))
        desktop.wait_until(lambda: not roofs._asked, 60, "a click is answered")
        times.append(round(time.monotonic() - began, 3))
    return times


def memory_mb():
    """Memory of QGIS itself."""
    with open("/proc/self/status", encoding="ascii") as lines:
        return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024)

"""The plugin's own widgets are built and drawn under Qt 6."""

from unittest.mock import MagicMock


def test_the_running_qt_is_6(qapp):
    from qgis.PyQt.QtCore import QT_VERSION_STR

    assert QT_VERSION_STR.startswith("6.")


def test_the_plain_widgets_are_drawn(qtbot):
    from ridgeline.plugin.dock.logic.checks import Finding, Weight
    from ridgeline.plugin.dock.widgets.banner import Banner
    from ridgeline.plugin.dock.widgets.notes import Notes
    from ridgeline.plugin.dock.widgets.run_panel import RunPanel

    banner, notes, panel = Banner("The engine is not set up.", "Set up …"), Notes(), RunPanel()
    notes.show_findings([Finding(weight, f"A note that {weight.value}.") for weight in Weight])
    for widget in (banner, notes, panel):
        qtbot.addWidget(widget)
        widget.resize(320, 200)
        widget.show()
        assert not widget.grab().isNull()
    panel.show_running()
    panel.show_progress(40)
    panel.say("Computing: 2 of 5 tiles")
    panel.show_idle()


def test_the_action_is_wired(qtbot):
    from qgis.PyQt.QtWidgets import QMainWindow

    from ridgeline.plugin.plugin import RidgelinePlugin

    window = QMainWindow()
    qtbot.addWidget(window)
    iface = MagicMock()
    iface.mainWindow.return_value = window
    plugin = RidgelinePlugin(iface)
    plugin.initGui()
    assert window.findChild(object, "ridgelineToggleDock") is not None or plugin._toggle.isCheckable()
    plugin.unload()
    assert plugin._toggle is None

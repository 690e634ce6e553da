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


def test_the_preview_and_the_forms_of_models_are_drawn(qtbot):
    from qgis.PyQt.QtWidgets import QDialogButtonBox, QWidget

    from ridgeline.plugin.dock.widgets.network_form import NetworkFormDialog
    from ridgeline.plugin.preview.panel import PreviewPanel
    from ridgeline.plugin.preview.roof_card import RoofCard

    facts = {"inputs": [{"tensor": "image", "channels": 3, "kind": "rgb"}], "outputs": [{"tensor": "m", "channels": 3}]}
    form, panel, canvas = NetworkFormDialog(facts, "a.onnx"), PreviewPanel(), QWidget()
    canvas.resize(600, 400)
    card = RoofCard(canvas)
    card.show_roof({"roof_class": "gable", "roof_confidence": 0.8, "area_m2": 120.0, "azimuth_deg": 350.0})
    assert [value.text() for _name, value in card.rows][-1] == "350° (N)"
    panel.offer_layers(["roof_class", "land_cover"])
    panel.preview.setChecked(True)
    panel.show_shares({"gable": 0.5, "<b>": 0.2}, None)
    assert "&lt;b&gt;" in panel.legend.text()
    form.gsd.setValue(0.25)
    assert form.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    assert form.form().gsd == 0.25 and form.form().inputs[0].kind == "rgb"
    for widget in (form, panel, canvas):
        qtbot.addWidget(widget)
        widget.show()
        assert not widget.grab().isNull()
    card.release()

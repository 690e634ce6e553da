"""What the preview's part of the page shows."""

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QWidget

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.plugin.preview.panel import PreviewPanel
from ridgeline.plugin.preview.roof_card import RoofCard


class Item:
    def __init__(self, name, colour):
        self.name, self.colour = name, colour


class Model:
    """A model with classes of these names and colours."""

    def __init__(self, **classes):
        self.classes = {"land_cover": [Item(name, colour) for name, colour in classes.items()]}


@pytest.fixture
def panel(qgis_app, qtbot):
    panel = PreviewPanel()
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_the_largest_classes_come_first_with_their_colours(panel):
    panel.show_shares({"tree": 0.2, "building": 0.5}, Model(tree="#00ff00", building="#0000ff"))
    text = panel.legend.text()
    assert text.index("Building 50 %") < text.index("Tree 20 %") and "#0000ff" in text


def test_what_is_there_is_never_called_nothing(panel):
    panel.show_shares({"building": 0.996, "tree": 0.004}, Model(tree="#00ff00", building="#0000ff"))
    assert "Building 100 %" in panel.legend.text() and "Tree &lt; 1 %" in panel.legend.text()


def test_a_scale_says_what_its_colours_mean(panel):
    panel.show_scale([("#440154", "under 50 %: a guess"), ("#fde725", "<b>sure</b>")])
    text = panel.legend.text()
    assert text.index("#440154") < text.index("under 50 %") < text.index("#fde725") and "&lt;b&gt;sure" in text
    assert panel.legend.isVisible()
    panel.show_scale([])
    assert not panel.legend.isVisible()


def test_what_lies_below_does_not_jump_when_the_state_comes_and_goes(panel, qtbot):
    panel.show_shares({"tree": 1.0}, Model(tree="#00ff00"))
    panel.preview.setChecked(True)
    tops = []
    for text in ("", "Computing …", ""):
        panel.say(text)
        panel.layout().activate()
        tops.append(panel.legend.y())
    assert len(set(tops)) == 1, tops
    assert panel.status.sizePolicy().retainSizeWhenHidden()
    assert panel.status.text(), "an empty line is less high"
    panel.preview.setChecked(False)
    assert not panel.status.sizePolicy().retainSizeWhenHidden(), "a gap stays without a preview"


def test_a_layer_can_be_chosen_once_there_is_one(panel):
    assert not panel.layer.isEnabled()
    panel.offer_layers(["land_cover"])
    assert panel.layer.isEnabled()


def test_the_background_of_own_classes_has_no_line_in_the_legend(panel):
    panel.show_shares({"background": 0.9, "solar": 0.1}, Model(background="#f0f0f0", solar="#0000ff"))
    assert "Solar 10 %" in panel.legend.text() and "ackground" not in panel.legend.text()


def test_own_classes_are_shown_first_until_something_else_is_chosen(panel):
    panel.offer_layers(["land_cover", "roof_class"])
    assert panel.layer.currentData() == "land_cover"
    panel.offer_layers(["land_cover", "classes", "roof_class"])
    assert panel.layer.currentText() == "Own classes"
    panel.layer.setCurrentIndex(2)
    panel.layer.activated.emit(2)
    for names in (["classes", "roof_class"], ["land_cover", "roof_class"]):
        panel.offer_layers(names)
        assert panel.layer.currentData() == "roof_class"
    panel.offer_layers(["land_cover"])
    assert panel.layer.currentData() == "land_cover"


def test_names_and_colours_of_classes_are_no_markup(panel):
    nasty = "<img src='file:///etc/passwd'>"
    panel.show_shares({nasty: 0.5}, Model(**{nasty: "red'><b>bold</b>"}))
    assert "<img" not in panel.legend.text() and "<b>" not in panel.legend.text() and "&lt;img" in panel.legend.text()


def test_nothing_on_the_card_of_a_roof_is_markup(qgis_app, qtbot):
    canvas = QWidget()
    qtbot.addWidget(canvas)
    labels = RoofCard(canvas).findChildren(QLabel)
    assert labels and all(label.textFormat() == Qt.TextFormat.PlainText for label in labels)


def test_a_fault_takes_the_place_of_the_legend_and_goes_with_the_next_picture(panel):
    panel.show_shares({"tree": 1.0}, Model(tree="#00ff00"))
    panel.show_trouble(RidgelineError(ErrorCode.NO_OVERLAP, "The map shows nothing.", "Move the map."))
    assert [finding.text for finding in panel.notes.findings] == ["The map shows nothing.", "Move the map."]
    assert not panel.legend.isVisible()
    panel.show_trouble(None)
    assert not panel.notes.findings


def test_the_buttons_say_what_a_click_does(panel):
    assert (panel.preview.text(), panel.roofs.text()) == ("Preview", "Roof tool") and not panel.hint.isVisible()
    panel.preview.click()
    panel.roofs.click()
    assert (panel.preview.text(), panel.roofs.text()) == ("Stop preview", "Stop roof tool") and panel.hint.isVisible()
    panel.roofs.click()
    assert panel.roofs.text() == "Roof tool" and not panel.hint.isVisible()

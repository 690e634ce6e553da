"""Models are read without the engine; damaged ones are named, none is trusted with markup."""

import json

import pytest
from dock_data import model_json, put_model
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMessageBox

from ridgeline.plugin.dock.logic.model_card import card_html
from ridgeline.plugin.dock.logic.models import by_name, find_models, model_shelves, read_model
from ridgeline.plugin.dock.models import ModelsPage


def test_what_a_model_says_is_read(shelf):
    model = read_model(shelf / "toy")
    assert model.label == "Toy" and model.gsd_trained == 0.25 and model.tile == 256
    assert model.takes(frozenset({"rgb", "dsm"})) and model.takes(frozenset({"rgb"}))
    assert [item.name for item in model.classes["roof_class"]] == ["flat", "gable"]
    assert not model.trainable and model.size_bytes > 100
    assert by_name([model], "toy") is model and by_name([model], str(model.folder)) is model


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"name": "x"}', json.dumps(model_json(gsd={"trained": "big"}))]
)
def test_damaged_models_are_listed_with_a_reason(shelf, text):
    folder = shelf / "broken"
    folder.mkdir()
    (folder / "model.json").write_text(text, encoding="utf-8")
    models, broken = find_models(model_shelves())
    assert [model.name for model in models] == ["toy"]
    assert [item.folder.name for item in broken] == ["broken"] and "model.json" in broken[0].reason


def test_names_and_colours_from_a_model_are_shown_as_text(shelf):
    nasty = "<img src=x onerror=alert(1)>"
    classes = [{"id": 1, "name": nasty, "colour": "red'><b>"}]
    outputs = [{"name": "roof_class", "kind": "classes", "role": nasty, "classes": classes}]
    model = read_model(put_model(shelf, model_json("nasty", nasty, outputs=outputs, description=nasty, licence=nasty)))
    card = card_html(model)
    assert "<img" not in card and "<b>'" not in card and "&lt;img" in card


def test_what_the_page_shows_of_a_model_is_no_markup(qgis_iface, shelf, qtbot):
    nasty = "<img src='file:///etc/passwd'>"
    put_model(shelf, model_json("nasty", nasty, description=nasty))
    (shelf / nasty.replace("/", "")).mkdir()
    (shelf / nasty.replace("/", "") / "model.json").write_text("{", encoding="utf-8")
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    assert page.list.count() == 3
    for row in range(3):
        page.list.setCurrentRow(row)
        assert "<img" not in page.list.item(row).toolTip() + page.card.text()
    assert any("&lt;img" in page.list.item(row).toolTip() for row in range(3))


def test_why_a_model_cannot_be_used_is_no_markup(qgis_iface, shelf, qtbot):
    nasty = "<img src='file:///etc/passwd'>"
    put_model(shelf, model_json("broken", "Broken", gsd={"trained": nasty, "min": 0.1, "max": 1.0}))
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    cards = []
    for row in range(page.list.count()):
        page.list.setCurrentRow(row)
        cards.append(page.card.text())
    assert any("&lt;img" in card for card in cards) and not any("<img" in card for card in cards)


def test_a_question_about_a_model_is_plain_text(qgis_iface, shelf, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append((box.textFormat(), box.text())))
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    assert page.model_actions._agreed("Remove a model", "Delete “<b>a</b>”?") is False
    assert asked == [(Qt.TextFormat.PlainText, "Delete “<b>a</b>”?")]


def test_the_page_lists_models_tells_about_the_marked_one_and_offers_it(qgis_iface, shelf, qtbot):
    put_model(shelf, model_json("another", "Another"))
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    assert [page.list.item(row).text() for row in range(page.list.count())] == ["Another", "Toy"]
    page.list.setCurrentRow(1)
    assert "Toy" in page.card.text() and "25" in page.card.text()
    with qtbot.waitSignal(page.chosen) as chosen:
        page.use.click()
    assert chosen.args == ["toy"]


def test_an_empty_shelf_is_explained(qgis_iface, shelf, qtbot):
    (shelf / "toy" / "model.json").unlink()
    page = ModelsPage(qgis_iface)
    qtbot.addWidget(page)
    page.show()
    assert page.empty.isVisible() and not page.list.isVisible() and not page.use.isEnabled()

"""A project from other hands can bring any text under our keys: it is shown or left aside, and never does anything."""

import pytest
from dock_data import model_json, put_model
from qgis.core import QgsProject

from ridgeline.plugin.dock.logic import memory
from ridgeline.plugin.dock.segment_run import _free_folder as free_folder

NASTY = (
    "\u00b2", "99999999999999999999999", "-1", "nan", "1e999", "1,2,\u00b2", "1,2,99999999999", "../../etc/passwd",
    "\\\\server\\share", "<img src='file:///etc/passwd'>", "POLYGON((0 0, nan nan, 1e308 1, 0 0))", "EPSG:0",
    "\x00\ud7ff", "x" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_whatever_a_project_holds_the_page_stays_as_it_is(page, settle, text):
    for key in memory.KEYS:
        QgsProject.instance().writeEntry(memory.SCOPE, key, text)
    page.recall()
    settle()
    assert page.notes.findings, "what is missing is still said"
    assert not page.panel.run.isEnabled()
    assert page.advanced.min_area.value() >= 0 and page.advanced.gsd.value() >= 0


def test_a_project_chooses_among_the_models_of_the_library_alone(page, tmp_path):
    put_model(tmp_path / "elsewhere", model_json("evil", "Evil"))
    QgsProject.instance().writeEntry(memory.SCOPE, "segment/model", str(tmp_path / "elsewhere" / "evil"))
    page.recall()
    assert page.current_model.name == "toy"


def test_results_go_to_a_new_folder_below_the_one_that_a_project_names(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run_2").mkdir()
    assert not free_folder(tmp_path / "run").exists()


def test_what_a_model_says_of_itself_is_no_markup(page, shelf):
    put_model(shelf, model_json(description="<img src='file:///etc/passwd'>"))
    page.reload_models()
    assert "<img" not in page.model.toolTip() and "&lt;img" in page.model.toolTip()


def test_no_key_of_a_project_names_a_program_or_an_address():
    """The engine's Python and the catalogue are the user's own settings, which no project brings along."""
    assert not [key for key in memory.KEYS if any(word in key for word in ("python", "engine", "catalogue", "url"))]

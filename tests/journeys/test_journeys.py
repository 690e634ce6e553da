"""Whole trips through the real QGIS desktop; each in a process, a profile and an X server of its own."""

import subprocess
from pathlib import Path

import pytest
from harness import ROOT, engine_python, missing, run_journey

HERE = Path(__file__).resolve().parent
THEMES = ("default", "Night Mapping")


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A shelf with the hand-made test model."""
    shelf = tmp_path_factory.mktemp("models")
    made = [str(engine_python()), str(HERE / "make_test_model.py"), str(shelf / "journey-test")]
    subprocess.run(made, check=True, cwd=ROOT, timeout=120)
    return shelf


@pytest.fixture(autouse=True)
def _able():
    lacking = missing()
    if lacking:
        pytest.skip(f"journeys need the real desktop: {lacking}")
    if not engine_python().is_file():
        pytest.skip(f"journeys need the engine's environment: {engine_python()} is missing (make env)")


def run(name, models, **options):
    variables = {"RIDGELINE_MODELS": str(models)}
    out = ROOT / "out" / "journeys" / "_".join([name, *(str(value) for value in options.values())]).replace(" ", "-")
    outcome = run_journey(name, out, variables=variables, timeout_s=420, **options)
    assert outcome.ok, f"{outcome.fault}\npictures: {out}\n{outcome.log[-3000:]}"
    return outcome


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_from_set_up_to_styled_roofs_on_the_map(models, theme):
    facts = run("segment", models, theme=theme).facts
    assert facts["buildings"] > 0 and "first run" in facts["sentence"] and "about" in facts["sentence_second"]


@pytest.mark.slow
@pytest.mark.parametrize("theme", THEMES)
def test_nothing_is_cut_off_at_320_pixels(models, theme):
    run("pages", models, theme=theme)


@pytest.fixture
def learners(tmp_path):
    """A shelf with a small model that can learn."""
    shelf = tmp_path / "models"
    made = [str(engine_python()), str(HERE / "make_trainable_model.py"), str(shelf / "journey-learner")]
    subprocess.run(made, check=True, cwd=ROOT, timeout=300)
    return shelf


@pytest.mark.slow
def test_polygons_drawn_by_clicks_become_a_model_that_runs(learners):
    facts = run("finetune", learners).facts
    assert any("ready" in text for text in facts["result"]) and facts["groups"]


@pytest.mark.slow
def test_a_killed_training_can_be_resumed(learners):
    facts = run("finetune_killed", learners).facts
    assert facts["steps"]["after"][-1] > facts["steps"]["before"][-1] and "broken off" in facts["message"]


@pytest.mark.slow
def test_cancel_leaves_nothing_behind_and_nothing_running(models):
    facts = run("cancel", models).facts
    assert facts["cancel_took_s"] < 10 and "Cancelled" in " ".join(facts["message"])


@pytest.mark.slow
def test_a_killed_engine_is_told_and_its_run_can_be_resumed(models):
    facts = run("killed", models).facts
    assert facts["message"] and facts["resumed_at_percent"] > 0


@pytest.mark.slow
def test_ten_reloads_leave_no_dock_action_provider_or_process(models):
    assert run("reload", models).facts["loaded"] == 10


@pytest.mark.slow
def test_a_run_whose_qgis_crashed_is_offered_again_by_the_next_one(models, tmp_path):
    variables = {"RIDGELINE_MODELS": str(models)}
    variables["RIDGELINE_JOURNEY_WORK"] = str(tmp_path)
    out, home = ROOT / "out" / "journeys" / "crash", tmp_path / "home"
    home.mkdir()
    crashed = run_journey("crash", out, variables=variables, home=home)
    assert not crashed.ok and "crashed" in crashed.fault, crashed
    outcome = run_journey("after_crash", out, variables=variables, home=home)
    assert outcome.ok, f"{outcome.fault}\n{outcome.log[-3000:]}"
    assert outcome.facts["resumed_at_percent"] >= 5


@pytest.mark.slow
def test_preview_follows_the_map_and_roofs_are_picked(models):
    facts = run("preview", models).facts
    assert facts["pan"]["computed"] < facts["pan"]["tiles"] and facts["roof"]["area_m2"] > 60

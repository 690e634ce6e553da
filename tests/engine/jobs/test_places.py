"""The user's own things lie where each system keeps such data, and where the user says."""

from pathlib import Path

from ridgeline.engine.jobs.places import data_home, user_models


def test_data_lies_outside_plugin_and_profile_on_every_system():
    windows = data_home("win32", {"LOCALAPPDATA": "C:\\Users\\Ä b\\AppData\\Local"})
    assert windows.name == "ridgeline" and str(windows).startswith("C:\\Users\\Ä b\\AppData\\Local")
    assert data_home("linux", {"XDG_DATA_HOME": "/data/x"}).as_posix() == "/data/x/ridgeline"
    assert data_home("linux", {"XDG_DATA_HOME": "relative"}).is_absolute()
    assert data_home("darwin", {}).parts[-3:] == ("Library", "Application Support", "ridgeline")


def test_models_lie_in_the_data_unless_another_folder_is_named():
    assert user_models({}) == data_home(environment={}) / "models"
    assert user_models({"RIDGELINE_MODELS": "~/mine"}) == Path.home() / "mine"

"""A real warm engine with a hand-made model where the engine's environment is at hand, and small fake ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(Path(__file__).parent.parent / "engine_link"))
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def engine_python():
    python = Path(os.environ.get("RIDGELINE_JOURNEY_PYTHON", ROOT / ".venv" / "bin" / "python"))
    if not python.is_file():
        pytest.skip(f"the engine's environment is missing: {python} (make env)")
    return python


@pytest.fixture(scope="session")
def test_shelf(engine_python, tmp_path_factory):
    """A shelf with the hand-made test model."""
    shelf = tmp_path_factory.mktemp("models")
    script = ROOT / "tests" / "journeys" / "make_test_model.py"
    subprocess.run([str(engine_python), str(script), str(shelf / "journey-test")], check=True, cwd=ROOT, timeout=120)
    return shelf


@pytest.fixture
def real_engine(engine_python, test_shelf, monkeypatch):
    """The engine of this repository, with one model in its library."""
    monkeypatch.setenv("RIDGELINE_ENGINE_PYTHON", str(engine_python))
    monkeypatch.setenv("RIDGELINE_MODELS", str(test_shelf))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def warm(qgis_app):
    """Makes warm engines, and ends them."""
    from ridgeline.plugin.preview.warm_engine import WarmEngine

    made = []

    def make(**options):
        made.append(WarmEngine(**options))
        return made[-1]

    yield make
    for engine in made:
        engine.shut_down(wait_s=10)


@pytest.fixture
def fake(tmp_path):
    """Makes the finder of an engine that is a script."""
    from fake_engines import write_engine

    from ridgeline.plugin.engine_link.engine import Engine

    def make(body):
        python, main = write_engine(tmp_path / "fake engine ü", body)
        return lambda: Engine(python, main)

    return make

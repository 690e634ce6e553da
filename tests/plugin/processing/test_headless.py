"""``qgis_process`` on a machine without a screen: the whole way, with the real engine and a small model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ridgeline.plugin.paths import SAMPLES

ROOT = Path(__file__).resolve().parents[3]
ENGINE_PYTHON = ROOT / ".venv" / "bin" / "python"

sys.path.insert(0, str(ROOT / "tools"))
from qgis_home import environment, make_home  # noqa: E402


def engine_works():
    """Whether .venv is there and fits this system (not another's, seen from a test of QGIS versions)."""
    command = [str(ENGINE_PYTHON), "-c", "import onnx, onnxruntime, rasterio"]
    return ENGINE_PYTHON.exists() and subprocess.run(command, capture_output=True, check=False).returncode == 0


PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="qgis_process is not installed"),
    pytest.mark.skipif(not engine_works(), reason="the engine's environment .venv is missing here: make env"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "journey-test"
    script = ROOT / "tests" / "journeys" / "make_test_model.py"
    subprocess.run([str(ENGINE_PYTHON), str(script), str(folder)], check=True)
    return folder


@pytest.fixture
def qgis_process(tmp_path, model):
    variables = environment(make_home(tmp_path / "profile é"), tmp_path / "engine")
    variables.update(QT_QPA_PLATFORM="offscreen", RIDGELINE_MODELS=str(model.parent))

    def run(*arguments, engine=True):
        if engine:
            variables["RIDGELINE_ENGINE_PYTHON"] = str(ENGINE_PYTHON)
        return subprocess.run(
            [PROGRAM, *arguments], env=variables, capture_output=True, text=True, encoding="utf-8", check=False
        )

    return run


def test_the_main_job_from_layers_to_files(qgis_process, tmp_path):
    out = tmp_path / "résultats du jour"
    answer = qgis_process(
        "--json", "run", "ridgeline:segment", f"--RGB={SAMPLES / 'herault_rgb.tif'}",
        f"--DSM={SAMPLES / 'herault_dsm.tif'}", "--MODEL=journey-test", "--KEEP_HEIGHTS=true", "--MIN_AREA=15",
        f"--OUTPUT={out}",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    results = json.loads(answer.stdout[answer.stdout.index("{") :])["results"]
    for name in ("BUILDINGS", "ROOF_CLASS", "LAND_COVER", "CONFIDENCE", "HEIGHT_ABOVE_GROUND", "RUN_JSON"):
        assert Path(results[name]).is_file() and Path(results[name]).parent == out
    assert results["BUILDING_COUNT"] >= 1
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["job"]["buildings"]["min_area_m2"] == 15
    assert not list(out.glob("*.part*"))


def test_progress_is_shown(qgis_process, tmp_path):
    answer = qgis_process(
        "run", "ridgeline:segment", f"--RGB={SAMPLES / 'herault_rgb.tif'}", f"--DSM={SAMPLES / 'herault_dsm.tif'}",
        "--MODEL=journey-test", f"--OUTPUT={tmp_path / 'out'}",
    )  # fmt: skip
    assert answer.returncode == 0
    assert "Computing: " in answer.stdout and "tiles" in answer.stdout
    assert "100" in answer.stdout


def test_ground_then_buildings(qgis_process, tmp_path):
    dsm = SAMPLES / "herault_dsm.tif"
    ground = qgis_process("--json", "run", "ridgeline:groundheights", f"--DSM={dsm}", f"--OUTPUT={tmp_path / 'ground'}")
    assert ground.returncode == 0, ground.stdout + ground.stderr
    heights = json.loads(ground.stdout[ground.stdout.index("{") :])["results"]
    assert Path(heights["GROUND"]).is_file() and Path(heights["HEIGHT_ABOVE_GROUND"]).is_file()
    out = tmp_path / "run"
    segment = qgis_process(
        "run", "ridgeline:segment", f"--DSM={dsm}", "--MODEL=journey-test", "--OUTLINES=false", f"--OUTPUT={out}"
    )
    assert segment.returncode == 0, segment.stdout + segment.stderr
    assert not (out / "buildings.gpkg").exists()
    buildings = qgis_process(
        "--json", "run", "ridgeline:buildings", f"--CLASSES={out / 'land_cover.tif'}", f"--DSM={dsm}",
        f"--OUTPUT={tmp_path / 'outlines'}",
    )  # fmt: skip
    assert buildings.returncode == 0, buildings.stdout + buildings.stderr
    made = json.loads(buildings.stdout[buildings.stdout.index("{") :])["results"]
    assert Path(made["BUILDINGS"]).is_file() and made["BUILDING_COUNT"] >= 1


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"DSM": "burgundy_dsm.tif"}, "overlap"),
        ({"MODEL": "no-such-model"}, "no-such-model"),
        ({"GSD": "40"}, "40"),
    ],
)
def test_a_failure_is_one_sentence_and_a_non_zero_exit_status(qgis_process, tmp_path, parameters, words):
    given = {"RGB": "herault_rgb.tif", "DSM": "herault_dsm.tif", "MODEL": "journey-test", **parameters}
    for name in ("RGB", "DSM"):
        given[name] = str(SAMPLES / given[name])
    arguments = [f"--{name}={value}" for name, value in given.items()]
    answer = qgis_process("run", "ridgeline:segment", *arguments, f"--OUTPUT={tmp_path / 'out'}")
    said = answer.stdout + answer.stderr
    assert answer.returncode != 0
    assert words in said and "Traceback" not in said, said


def test_without_an_engine_it_says_so_and_fails(qgis_process, tmp_path):
    answer = qgis_process(
        "run", "ridgeline:segment", f"--RGB={SAMPLES / 'herault_rgb.tif'}", f"--OUTPUT={tmp_path / 'out'}", engine=False
    )
    assert answer.returncode != 0
    assert "not set up" in answer.stdout + answer.stderr


def test_the_status_names_the_device(qgis_process, model):
    answer = qgis_process("--json", "run", "ridgeline:enginestatus", "--WITH_DIAGNOSTICS=true")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    results = json.loads(answer.stdout[answer.stdout.index("{") :])["results"]
    assert results["READY"] is True and results["STATE"] == "ready"
    report = results["DIAGNOSTICS"]
    assert "onnxruntime" in report
    assert os.path.expanduser("~") not in report

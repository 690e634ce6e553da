"""Setting the engine up for real, from a bundle of tiny wheels: no network, a folder with spaces and accents."""

import base64
import hashlib
import os
import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from ridgeline.engine.jobs import Cancelled, ErrorCode, RidgelineError
from ridgeline.plugin.engine_link import requirements as requirements_module
from ridgeline.plugin.engine_link import setup as setting_up
from ridgeline.plugin.engine_link.environment import Readiness, engine_home, engine_state, ready_python
from ridgeline.plugin.engine_link.setup import SetupListener, SetupOptions, remove, repair, set_up
from ridgeline.plugin.engine_link.verify import forget_existing_python, use_existing_python

ROOT = Path(__file__).resolve().parents[3]
SYSTEM_PYTHON = "/usr/bin/python3"
MODULES = ("tinyone", "tinytwo")


class Recorder(SetupListener):
    def __init__(self):
        self.percents, self.phases, self.lines = [], [], []

    def progress(self, percent, phase):
        self.percents.append(percent)
        self.phases.append(phase)

    def log(self, line):
        self.lines.append(line)


def write_wheel(folder, name, version="1.0"):
    """Write a wheel with one module and return the SHA-256 of it."""
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={digest},{len(text.encode())}")
    record = f"{name}-{version}.dist-info/RECORD"
    files[record] = "\n".join([*rows, f"{record},,"]) + "\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """An offline bundle with two tiny packages, which the lists then name in place of the real ones."""
    folder = tmp_path / "offline bündle"
    folder.mkdir()
    lines = [f"{name}==1.0 \\\n    --hash=sha256:{write_wheel(folder, name)}" for name in MODULES]
    (folder / "inference.txt").write_text("\n".join(lines) + "\n")
    lists = tmp_path / "lists"
    lists.mkdir()
    shutil.copy(folder / "inference.txt", lists)
    use_lists(monkeypatch, lists)
    monkeypatch.setattr(requirements_module, "_NEEDED_MODULES", {"inference": MODULES, "train": ("nothing",)})
    monkeypatch.setattr(setting_up, "nvidia_gpu", lambda environment: None)
    if (ROOT / ".venv" / "bin" / "uv").is_file():  # quicker than pip, which one test asks for
        monkeypatch.setenv("PATH", f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder


def use_lists(monkeypatch, lists):
    original_set, original_all = requirements_module.requirement_set, requirements_module.all_sets
    monkeypatch.setattr(setting_up, "requirement_set", lambda which, gpu=False: original_set(which, gpu, lists))
    monkeypatch.setattr("ridgeline.plugin.engine_link.environment.all_sets", lambda: original_all(lists))


def options(bundle, **more):
    return SetupOptions(bundle=bundle, base=SYSTEM_PYTHON, **more)


def test_nothing_is_set_up_at_first_and_nothing_happens_by_itself(qgis_app):
    assert engine_state().readiness is Readiness.MISSING
    assert not engine_home().exists()
    with pytest.raises(RidgelineError) as caught:
        ready_python()
    assert caught.value.code is ErrorCode.ENGINE_NOT_READY
    assert "Set up" in caught.value.hint


def test_set_up_from_a_bundle_then_again_then_repair_then_remove(bundle):
    recorder = Recorder()
    state = set_up(options(bundle), recorder)
    assert state.ready and state.marker.which == "inference"
    assert Path(state.python).is_file() and str(engine_home()) in state.python
    assert recorder.percents == sorted(recorder.percents) and recorder.percents[-1] == 100
    assert ready_python() == state.python
    again = Recorder()
    assert set_up(options(bundle), again) == state
    assert len(again.phases) == 1
    Path(state.python).unlink()
    assert engine_state().readiness is Readiness.BROKEN
    assert repair(options(bundle)).ready
    remove()
    assert engine_state().readiness is Readiness.MISSING
    assert not list(engine_home().glob("engine-*"))


def test_pip_is_the_way_where_uv_cannot_be_had(bundle, monkeypatch):
    monkeypatch.setattr(setting_up, "find_uv", lambda *arguments: None)
    monkeypatch.setattr(setting_up, "fetch_uv", lambda *arguments: None)
    state = set_up(options(bundle))
    assert state.ready and state.marker.installer == "pip"


def test_a_changed_wheel_is_refused_and_nothing_is_left(bundle):
    write_wheel(bundle, "tinytwo", "1.0")
    with zipfile.ZipFile(bundle / "tinytwo-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("evil.py", "")
    with pytest.raises(RidgelineError) as caught:
        set_up(options(bundle))
    assert caught.value.code is ErrorCode.DOWNLOAD_FAILED, str(caught.value)
    assert engine_state().readiness is Readiness.MISSING


def test_a_missing_wheel_is_told(bundle):
    next(bundle.glob("tinytwo*")).unlink()
    with pytest.raises(RidgelineError) as caught:
        set_up(options(bundle))
    assert "no ready-made package" in caught.value.message, str(caught.value)
    assert not list(engine_home().glob("engine-*"))


def test_a_folder_that_is_no_bundle_is_told(bundle, tmp_path):
    with pytest.raises(RidgelineError) as caught:
        set_up(options(tmp_path / "lists"))
    assert "holds no offline bundle" in caught.value.message
    (bundle / "inference.txt").write_text("other==1.0\n")
    with pytest.raises(RidgelineError) as caught:
        set_up(options(bundle))
    assert "another version of the plugin" in caught.value.message


def test_a_gpu_gets_its_own_packages_and_the_others_where_those_do_not_fit(bundle, monkeypatch):
    lists = bundle.parent / "lists"
    monkeypatch.setattr(setting_up, "nvidia_gpu", lambda environment: "NVIDIA RTX 4090, 550.54")
    digest = write_wheel(bundle, "tinygpu")
    text = (lists / "inference.txt").read_text() + f"tinygpu==1.0 \\\n    --hash=sha256:{digest}\n"
    for folder in (bundle, lists):
        (folder / "inference-gpu.txt").write_text(text)
    assert set_up(options(bundle)).marker.gpu
    remove()
    assert not set_up(options(bundle, gpu=False)).marker.gpu
    remove()
    next(bundle.glob("tinygpu*")).unlink()
    recorder = Recorder()
    state = set_up(options(bundle), recorder)
    assert state.ready and not state.marker.gpu
    assert any("for the processor instead" in line for line in recorder.lines)


def test_an_updated_plugin_asks_for_an_update_and_keeps_the_old_until_then(bundle, monkeypatch):
    old = set_up(options(bundle))
    lists = bundle.parent / "new lists"
    lists.mkdir()
    digest = write_wheel(bundle, "tinythree")
    text = (bundle / "inference.txt").read_text() + f"tinythree==1.0 \\\n    --hash=sha256:{digest}\n"
    (bundle / "inference.txt").write_text(text)
    (lists / "inference.txt").write_text(text)
    use_lists(monkeypatch, lists)
    assert engine_state().readiness is Readiness.OUTDATED
    assert Path(old.python).exists()
    new = set_up(options(bundle))
    assert new.ready and new.folder != old.folder
    assert not Path(old.folder).exists()


def test_cancel_leaves_nothing_behind(bundle):
    recorder = Recorder()
    with pytest.raises(Cancelled):
        set_up(options(bundle), recorder, cancelled=lambda: any("Making" in phase for phase in recorder.phases))
    assert engine_state().readiness is Readiness.MISSING
    assert not list(engine_home().glob("engine-*"))


def test_two_windows_at_once_install_once(bundle):
    states, recorders = [], [Recorder(), Recorder()]
    threads = [threading.Thread(target=lambda r=r: states.append(set_up(options(bundle), r))) for r in recorders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(states) == 2 and states[0] == states[1] and states[0].ready
    installs = [recorder for recorder in recorders if any("Making" in phase for phase in recorder.phases)]
    assert len(installs) == 1


def test_too_little_disk_is_told_before_anything_is_done(bundle, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage._replace(free=10**6))
    with pytest.raises(RidgelineError) as caught:
        set_up(options(bundle))
    assert caught.value.code is ErrorCode.DISK_FULL


def test_a_base_that_does_not_fit_is_told(bundle, tmp_path):
    wrong = tmp_path / "python"
    wrong.write_text("#!/bin/sh\necho no\n")
    wrong.chmod(0o755)
    with pytest.raises(RidgelineError) as caught:
        set_up(SetupOptions(bundle=bundle, base=str(wrong)))
    assert "no 64-bit Python" in caught.value.message


def test_an_existing_python_is_tried_before_it_is_used(bundle, qgis_app):
    with pytest.raises(RidgelineError) as caught:
        use_existing_python(SYSTEM_PYTHON, dict(os.environ))
    assert "tinyone" in str(caught.value) or "onnxruntime" in str(caught.value)
    assert engine_state().readiness is Readiness.MISSING
    made = set_up(options(bundle))
    moved = made.folder + " moved"
    os.rename(made.folder, moved)
    python = made.python.replace(made.folder, moved)
    monkey = requirements_module._NEEDED_MODULES
    assert monkey["inference"] == MODULES
    assert use_existing_python(python, dict(os.environ))["tinyone"] == "1.0"
    assert engine_state().own and ready_python() == python
    os.rename(moved, made.folder)
    assert engine_state().readiness is Readiness.BROKEN
    forget_existing_python()
    assert engine_state().ready and not engine_state().own


def test_the_shipped_lists_are_pinned_hashed_and_name_no_host():
    for name in ("inference", "inference-gpu", "train", "installer"):
        text = (requirements_module.REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text and "--index" not in text and "--find-links" not in text
        lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
        assert len(lines) == text.count("==") - text.count("== '") and all("==" in line for line in lines)
        assert text.count("--hash=sha256:") >= len(lines)
    assert len({item.key for item in requirements_module.all_sets()}) == 3

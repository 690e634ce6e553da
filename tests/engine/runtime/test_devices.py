"""Which device is chosen, and the sentence that says so, with runtimes that only pretend to offer GPUs."""

import numpy as np
import onnxruntime as ort
import pytest

from ridgeline.engine.jobs import ErrorCode, RidgelineError
from ridgeline.engine.runtime import onnx_predictor, open_predictor
from ridgeline.engine.runtime.devices import choose_device, device_sentence, onnx_devices, usable_threads


def test_auto_takes_the_gpu_where_the_runtime_offers_it():
    choice = choose_device("auto", ["cpu", "cuda"], nvidia=True, runtime="ONNX Runtime")
    assert (choice.device, choice.fallback) == ("cuda", None)


def test_auto_says_nothing_where_there_is_no_gpu():
    choice = choose_device("auto", ["cpu"], nvidia=False, runtime="ONNX Runtime")
    assert (choice.device, choice.fallback) == ("cpu", None)


def test_auto_says_that_a_gpu_lies_idle():
    choice = choose_device("auto", ["cpu"], nvidia=True, runtime="ONNX Runtime")
    assert choice.device == "cpu"
    assert choice.fallback is not None and "NVIDIA GPU" in choice.fallback and "CPU build" in choice.fallback


def test_auto_leaves_alone_what_rounds_to_half_precision():
    assert choose_device("auto", ["cpu", "coreml", "openvino"], nvidia=False, runtime="x").device == "cpu"


@pytest.mark.parametrize(("nvidia", "hint"), [(False, "No NVIDIA driver"), (True, "onnxruntime-gpu")])
def test_cuda_asked_for_but_missing_is_a_fault_with_a_hint(nvidia, hint):
    with pytest.raises(RidgelineError) as caught:
        choose_device("cuda", ["cpu"], nvidia=nvidia, runtime="ONNX Runtime")
    assert caught.value.code is ErrorCode.DEVICE_UNAVAILABLE
    assert "'cuda' cannot be used" in caught.value.message and hint in caught.value.hint


def test_provider_names_become_devices():
    assert onnx_devices(["AzureExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider"]) == [
        "cpu",
        "directml",
    ]


def test_the_sentence_names_device_runtime_and_precision():
    assert (
        device_sentence("cpu", "ONNX Runtime", "int8", 2) == "Computing on the CPU (2 threads) with ONNX Runtime, int8."
    )
    assert "NVIDIA" in device_sentence("cuda", "PyTorch", "bf16")


def test_the_report_says_what_really_computes(make_package):
    report = open_predictor(make_package(), {"rgb"}, device="auto", threads=1).report
    assert (report.runtime, report.device, report.precision) == ("onnx", "cpu", "fp32")
    assert report.sentence == "Computing on the CPU (1 thread) with ONNX Runtime, fp32."


@pytest.fixture()
def gpu_that_drops_out(monkeypatch):
    """ONNX Runtime that lists CUDA, but whose sessions silently come back with the CPU alone."""
    real = ort.InferenceSession

    def session(path, sess_options, providers):
        return real(path, sess_options=sess_options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(ort, "InferenceSession", session)
    monkeypatch.setattr(onnx_predictor, "has_nvidia_gpu", lambda: True)


@pytest.mark.usefixtures("gpu_that_drops_out")
def test_auto_falls_back_with_one_sentence_when_the_gpu_drops_out(make_package):
    predictor = open_predictor(make_package(), {"rgb"}, device="auto")
    assert predictor.report.device == "cpu"
    assert predictor.report.fallback == (
        "The device 'cuda' could not be used (its libraries could not be loaded), so the CPU is used."
    )
    assert predictor.predict({"rgb": np.zeros((1, 3, 16, 16), np.float32)})["building"].shape == (1, 1, 16, 16)


@pytest.mark.usefixtures("gpu_that_drops_out")
def test_a_gpu_that_was_asked_for_and_drops_out_is_a_fault(make_package):
    with pytest.raises(RidgelineError) as caught:
        open_predictor(make_package(), {"rgb"}, device="cuda")
    assert caught.value.code is ErrorCode.DEVICE_UNAVAILABLE


def test_counts_the_processors_that_the_process_may_use():
    assert 1 <= usable_threads()

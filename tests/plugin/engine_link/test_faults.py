# ruff: noqa: E501  (what programs print, word for word)
"""What installers print becomes one sentence and a hint."""

import pytest

from ridgeline.engine.jobs import ErrorCode
from ridgeline.plugin.engine_link.faults import FAULTS, classify, explain, setup_fault

SAMPLES = [
    ("disk_full", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
    ("disk_full", "error: failed to write: There is not enough space on the disk. (os error 112)"),
    ("policy", "error: This program is blocked by group policy. For more information, contact your system administrator. (os error 1260)"),
    ("policy", "OSError: [WinError 225] Operation did not complete successfully because the file contains a virus"),
    ("policy", "An Application Control policy has blocked this file. (os error 4551)"),
    ("hash", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."),
    ("hash", "error: Hash mismatch for `numpy==2.4.6`"),
    ("no_venv", "The virtual environment was not created successfully because ensurepip is not available."),
    ("proxy", "ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407 Proxy Authentication Required'))"),
    ("ssl", "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate'))"),
    ("ssl", "Caused by: invalid peer certificate: UnknownIssuer"),
    ("timeout", "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool: Read timed out."),
    ("no_network", "failed to lookup address information: Temporary failure in name resolution"),
    ("no_network", "error: Failed to fetch: `https://packages.example/simple/numpy/`"),
    ("no_wheel", "ERROR: No matching distribution found for onnxruntime==1.31.1"),
    ("no_wheel", "× No solution found when resolving dependencies: Because onnxruntime==1.31.1 has no wheels with a matching Python ABI tag"),
    ("permission", "PermissionError: [Errno 13] Permission denied: '/opt/engine'"),
    ("long_path", "OSError: [WinError 206] The filename or extension is too long"),
    ("in_use", "The process cannot access the file because it is being used by another process. (os error 32)"),
    ("memory", "MemoryError"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "output"), SAMPLES)
def test_known_failures_are_told_apart(name, output):
    assert classify("Collecting numpy\n" + output).name == name
    fault = setup_fault(output, "installing")
    assert (fault.message, fault.hint) == explain(name)


def test_every_known_failure_has_a_sentence_a_hint_and_a_sample():
    assert {name for name, _ in SAMPLES} == {fault.name for fault in FAULTS}
    for fault in FAULTS:
        sentence, hint = explain(fault.name)
        assert sentence.endswith(".") and hint.endswith(".")


def test_a_full_disk_wins_over_the_network_errors_that_follow_it():
    assert classify("timed out\nconnection reset\n[Errno 28] No space left on device").name == "disk_full"


def test_an_unknown_failure_is_told_with_its_last_words():
    fault = setup_fault("Collecting x\nerror: the moon is in the way\n  note: nothing\n", "installing the packages")
    assert fault.code is ErrorCode.ENGINE_NOT_READY
    assert "the moon is in the way" in fault.message


def test_a_normal_installation_is_no_fault():
    assert classify("Resolved 16 packages in 2ms\nDownloading numpy (16.1MiB)\nInstalled 16 packages in 53ms") is None

"""What an installer's output says about why it failed: one sentence and a hint, for the faults that users meet."""

import re
from dataclasses import dataclass
from typing import List, Optional, Tuple

from ...engine.jobs import ErrorCode, RidgelineError
from ..i18n import tr


@dataclass(frozen=True)
class Fault:
    """A kind of failure.

    Attributes:
        name: stable name, such as ``proxy``.
        code: error code of the engine's errors.
        signs: what the output of pip, uv, venv or the system holds then, as patterns, in any case.
    """

    name: str
    code: ErrorCode
    signs: Tuple[str, ...]


# The order matters: a full disk or a policy also leads to network-like messages further on.
FAULTS: Tuple[Fault, ...] = (
    Fault(
        "disk_full",
        ErrorCode.DISK_FULL,
        (
            r"no space left on device",
            r"errno 28\b",
            r"os error 28\b",
            r"disk quota exceeded",
            r"not enough space on the disk",
            r"os error 112\b",
            r"errno 122\b",
        ),
    ),
    Fault(
        "policy",
        ErrorCode.ENGINE_NOT_READY,
        (
            r"blocked by group policy",
            r"blocked by your (system )?administrator",
            r"os error 1260\b",
            r"winerror 1260\b",
            r"winerror 225\b",
            r"os error 225\b",
            r"contains a virus",
            r"applocker",
            r"0xc0e90002",
            r"os error 4551\b",
            r"winerror 4551\b",
            r"operation did not complete successfully because the file contains",
        ),
    ),
    Fault(
        "hash",
        ErrorCode.DOWNLOAD_FAILED,
        (
            r"do not match the hashes",
            r"hash mismatch",
            r"hashes are required",
        ),
    ),
    Fault(
        "no_venv",
        ErrorCode.ENGINE_NOT_READY,
        (
            r"ensurepip is not available",
            r"no module named '?(ensurepip|venv)'?",
            r"python3?-venv package",
        ),
    ),
    Fault(
        "proxy",
        ErrorCode.DOWNLOAD_FAILED,
        (
            r"\b407\b",
            r"proxy ?authentication",
            r"proxyerror",
            r"cannot connect to proxy",
            r"tunnel connection failed",
            r"unsuccessful tunnel",
            r"proxy connect",
        ),
    ),
    Fault(
        "ssl",
        ErrorCode.DOWNLOAD_FAILED,
        (
            r"certificate[ _]verify[ _]failed",
            r"sslerror",
            r"ssl: ",
            r"invalid peer certificate",
            r"unknownissuer",
            r"self[- ]signed certificate",
            r"tlsv1",
            r"handshake failure",
        ),
    ),
    Fault(
        "timeout",
        ErrorCode.DOWNLOAD_FAILED,
        (
            r"timed out",
            r"timeout",
            r"operation was canceled due to a stall",
        ),
    ),
    Fault(
        "no_network",
        ErrorCode.DOWNLOAD_FAILED,
        (
            r"name or service not known",
            r"temporary failure in name resolution",
            r"getaddrinfo failed",
            r"dns error",
            r"failed to lookup address",
            r"network is unreachable",
            r"no route to host",
            r"connection (was )?(refused|reset|aborted)",
            r"nodename nor servname",
            r"connection error",
            r"error sending request",
            r"failed to fetch",
            r"max retries exceeded",
        ),
    ),
    Fault(
        "no_wheel",
        ErrorCode.ENGINE_NOT_READY,
        (
            r"no matching distribution",
            r"no wheels? (with a matching|are usable|found)",
            r"has no usable wheels",
            r"not a supported wheel",
            r"building from source is disabled",
            r"has no wheels with a matching",
            r"requires-python",
            r"no solution found",
            r"could not find a version",
        ),
    ),
    Fault(
        "permission",
        ErrorCode.OUTPUT_NOT_WRITABLE,
        (
            r"permission denied",
            r"access is denied",
            r"errno 13\b",
            r"os error (5|13)\b",
            r"read-only file system",
        ),
    ),
    Fault(
        "long_path",
        ErrorCode.ENGINE_NOT_READY,
        (
            r"filename or extension is too long",
            r"file name too long",
            r"winerror 206\b",
            r"os error 206\b",
        ),
    ),
    Fault(
        "in_use",
        ErrorCode.ENGINE_NOT_READY,
        (
            r"being used by another process",
            r"os error 32\b",
            r"winerror 32\b",
            r"text file busy",
        ),
    ),
    Fault(
        "memory",
        ErrorCode.OUT_OF_MEMORY,
        (
            r"memoryerror",
            r"out of memory",
            r"cannot allocate memory",
        ),
    ),
)


def classify(output: str) -> Optional[Fault]:
    """Return the kind of failure that an installer's output tells of, or None if it is none that is known."""
    for fault in FAULTS:
        if any(re.search(sign, output, re.IGNORECASE) for sign in fault.signs):
            return fault
    return None


def explain(name: str) -> Tuple[str, str]:
    """Return the sentence and the hint for the kind of failure ``name``."""
    return {
        "disk_full": (
            tr("The disk is full."),
            tr("Free some space, or choose a folder on another disk, and set up again."),
        ),
        "policy": (
            tr("A security policy or the antivirus of this computer does not allow the engine's programs to run."),
            tr("Ask your IT department to allow programs in the engine's folder, or choose a folder that is allowed."),
        ),
        "hash": (
            tr("A downloaded package is not the one that was expected, so it was not installed."),
            tr("Try again; if it stays so, a network device changes downloads: use an offline bundle."),
        ),
        "no_venv": (
            tr("The Python that was found cannot make an environment."),
            tr("Install the package python3-venv (Debian, Ubuntu) or Python 3.12 from python.org, and set up again."),
        ),
        "proxy": (
            tr("The proxy refused the download."),
            tr("Check the proxy, its user name and password in QGIS under Settings ▸ Options ▸ Network."),
        ),
        "ssl": (
            tr("The certificate of the package site could not be verified."),
            tr("Your network seems to inspect encrypted traffic: ask your IT department, or use an offline bundle."),
        ),
        "timeout": (
            tr("The download took too long."),
            tr("Try again: what was downloaded is kept. On a slow network, use an offline bundle."),
        ),
        "no_network": (
            tr("The package site cannot be reached."),
            tr("Check the network and the proxy in QGIS under Settings ▸ Options ▸ Network, or use an offline bundle."),
        ),
        "no_wheel": (
            tr("There is no ready-made package of the engine's libraries for this Python and system."),
            tr("Install 64-bit Python 3.12 from python.org, or use a bundle made for this system."),
        ),
        "permission": (
            tr("The engine's folder cannot be written."),
            tr("Choose another folder on the Engine page."),
        ),
        "long_path": (
            tr("The engine's folder has a path too long for Windows."),
            tr("Choose a folder with a short path, such as C:\\ridgeline, on the Engine page."),
        ),
        "in_use": (
            tr("Files of the engine are in use."),
            tr("Close other QGIS windows, wait for running jobs, and try again."),
        ),
        "memory": (tr("There was not enough memory to install the engine."), tr("Close other programs and try again.")),
    }[name]


def setup_fault(output: str, step: str) -> RidgelineError:
    """Return the error for a failed installation step.

    Args:
        output: what the installer wrote.
        step: what it was doing, for failures of no known kind.
    """
    fault = classify(output)
    if fault is not None:
        return RidgelineError(fault.code, *explain(fault.name))
    last = _last_words(output)
    return RidgelineError(
        ErrorCode.ENGINE_NOT_READY,
        tr("Setting up the engine failed while {step}{last}", step=step, last=f": {last}" if last else "."),
        tr("Look at the log, or copy the diagnostics and report the problem."),
    )


def _last_words(output: str) -> str:
    lines: List[str] = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(error|×|╰|caused by)", line, re.IGNORECASE)]
    return (errors or lines or [""])[-1][:300]

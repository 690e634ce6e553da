# ruff: noqa: E501  (programs as text)
"""Small engines that speak the protocol, or misbehave; each is a script that a test starts like the real one."""

import sys
import textwrap
from pathlib import Path

HEAD = """
import json, os, signal, subprocess, sys, threading, time
def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)
def job():
    return json.load(open(sys.argv[sys.argv.index("--job") + 1], encoding="utf-8"))
"""

WELL_BEHAVED = """
data = job()
say("started", job=sys.argv[1], protocol=1)
for i in range(3):
    say("progress", done=i + 1, total=3, unit="tiles", phase="tiles", eta_s=1.5)
say("warning", code="small", message="The region is small.")
print("some library prints this", file=sys.stderr)
print("and this on the wrong stream", flush=True)
say("result", outputs={"buildings": data["out"] + "/buildings.gpkg"}, summary={"buildings": 2})
"""

WAITS_FOR_CANCEL = """
say("started", job="segment", protocol=1)
for line in sys.stdin:
    if json.loads(line).get("cancel"):
        say("error", code="cancelled", message="The run was cancelled.", hint="")
        sys.exit(130)
say("error", code="cancelled", message="QGIS is gone.", hint="")
sys.exit(130)
"""

IGNORES_EVERYTHING = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
open(job()["out"], "w").write(f"{os.getpid()} {child.pid}")
say("started", job="segment", protocol=1)
while True:
    time.sleep(1)
"""

FLOODS = """
say("started", job="segment", protocol=1)
for i in range(40000):
    sys.stderr.write("x" * 200 + str(i) + "\\n")
sys.stderr.write("y" * 9_000_000)
sys.stdout.write("z" * 9_000_000 + "\\n")
say("result", outputs={}, summary={})
"""

DIES = """
say("started", job="segment", protocol=1)
print("RuntimeError: the last words", file=sys.stderr, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""

FAILS = """
say("error", code="no_overlap", message="“ortho” and “dsm” do not overlap.", hint="Choose layers of one place.")
sys.exit(1)
"""

SILENT = """
say("started", job="segment", protocol=1)
time.sleep(1.2)
say("result", outputs={}, summary={})
"""

LINGERS = """
say("result", outputs={"a": "b"}, summary={})
time.sleep(600)
"""

OTHER_PROTOCOL = """
say("started", job="segment", protocol=99)
sys.stdin.read()
"""

TELLS_ITSELF = """
say("result", outputs={}, summary={
    "argv": sys.argv[1:], "path": sys.path, "flags": list(map(int, (sys.flags.isolated, sys.flags.utf8_mode))),
    "environment": dict(os.environ), "executable": sys.executable})
"""


def write_engine(folder: Path, body: str) -> "tuple[str, str]":
    """Write an engine into ``folder`` and return the Python to run it with, and its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "engine main é.py"
    file.write_text(HEAD + textwrap.dedent(body), encoding="utf-8")
    return sys.executable, str(file)

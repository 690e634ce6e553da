#!/bin/bash
# Open the QGIS desktop with the plugin and the sample area loaded, in a profile of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/system.sh "qgis=/usr/bin/qgis" "python3-qgis=/usr/lib/python3/dist-packages/qgis/core/__init__.py"
home="$(pwd)/.cache/qgis-desktop"
python3 -c 'import sys; sys.path.insert(0, "tools"); from pathlib import Path; from qgis_home import make_home; make_home(Path(sys.argv[1]))' "$home"
export RIDGELINE_ENGINE_DIR="${RIDGELINE_ENGINE_DIR:-$(pwd)/.cache/engine}"
exec qgis --noversioncheck --nologo --profiles-path "$home" \
    resources/samples/herault_rgb.tif resources/samples/herault_dsm.tif

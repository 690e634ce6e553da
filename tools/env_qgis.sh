#!/bin/bash
# Make .venv-qgis: pytest beside the QGIS of the distribution, which is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/system.sh "qgis=/usr/bin/qgis" "python3-qgis=/usr/lib/python3/dist-packages/qgis/core/__init__.py" \
    "python3-venv=/usr/lib/python3*/ensurepip/__init__.py" \
    "xvfb=xvfb-run" "xauth=xauth" "fonts-open-sans=/usr/share/fonts/truetype/open-sans/*.ttf"
if ! .venv-qgis/bin/python -c "import qgis.core" 2> /dev/null; then
    /usr/bin/python3 -m venv --clear --system-site-packages .venv-qgis
fi
echo "Installing pytest beside QGIS in .venv-qgis …"
.venv-qgis/bin/python -m pip install --quiet "pytest>=8.3" "pytest-qt>=4.4" "pytest-qgis>=2" "hypothesis>=6.110"
touch .venv-qgis/.stamp

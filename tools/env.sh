#!/bin/bash
# Make the engine's development environment in .venv, with the training set and the tools.
# Takes the first Python from 3.11 to 3.13 that is found; PYTHON=… chooses another.
set -euo pipefail
cd "$(dirname "$0")/.."

fits() { "$1" -c 'import struct, sys; sys.exit(not ((3, 11) <= sys.version_info[:2] <= (3, 13) and struct.calcsize("P") == 8))' 2> /dev/null; }

python=""
for name in ${PYTHON:-} /usr/bin/python3 python3.12 python3.13 python3.11 python3; do
    if command -v "$name" > /dev/null && fits "$name"; then python="$(command -v "$name")"; break; fi
done
if [ -z "$python" ]; then
    tools/system.sh "python3=/usr/bin/python3" "python3-venv=/usr/lib/python3*/ensurepip/__init__.py"
    if fits /usr/bin/python3; then python=/usr/bin/python3; else
        # an older system: uv fetches a Python of its own
        /usr/bin/python3 -m venv .cache/uv
        .cache/uv/bin/python -m pip install --quiet --require-hashes -r resources/requirements/installer.txt
        python="$(.cache/uv/bin/uv python find 3.12 2> /dev/null || { .cache/uv/bin/uv python install --quiet 3.12; .cache/uv/bin/uv python find 3.12; })"
    fi
fi
if [ "$python" = /usr/bin/python3 ]; then
    tools/system.sh "python3-venv=/usr/lib/python3*/ensurepip/__init__.py"
fi
free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
if [ ! -x .venv/bin/python ] && [ "$free_gb" -lt 12 ]; then
    echo "Only $free_gb GB of this disk are free: the installation fills 7 GB and takes some 5 GB more on its way." >&2
fi
[ -x .venv/bin/python ] && fits .venv/bin/python || "$python" -m venv --clear .venv
echo "Installing the engine with its training set and the tools in .venv (some gigabytes, this can take minutes) …"
.venv/bin/python -m pip install --quiet --upgrade pip
# The packages that inference needs are those that users get; pip decides on the rest.
# (setuptools warns at length of every editable installation: that is what is wanted here)
PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --editable '.[train,dev]'
mkdir -p .cache/typing && ln -sfn ../.. .cache/typing/ridgeline
touch .venv/.stamp

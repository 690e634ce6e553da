#!/bin/bash
# Style, types and security. Everything is run; the exit status tells whether all of it is clean.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p .cache/typing && ln -sfn ../.. .cache/typing/ridgeline

failed=0
run() { echo "── $1"; shift; "$@" || failed=1; }

run "ruff check" .venv/bin/ruff check .
run "ruff format" .venv/bin/ruff format --check .
run "mypy, engine" .venv/bin/mypy -p ridgeline.engine
run "mypy, plugin" .venv/bin/mypy -p ridgeline.plugin
run "package" .venv/bin/python tools/package.py
run "security" .venv/bin/python tools/security.py dist/ridgeline.zip
exit "$failed"

#!/bin/bash
# Run all tests: the engine's, the plugin's in a real QGIS, and journeys through the real desktop. Every part runs even if
# one before it failed; the closing lines of each are printed at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p out/test
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"

failed=0
names=(engine plugin journeys)
run() {
    local name="$1"; shift
    echo "── $name"
    "$@" 2>&1 | tee "out/test/$name.txt"
    local status="${PIPESTATUS[0]}"
    # 5: no test was collected
    [ "$status" -eq 0 ] || [ "$status" -eq 5 ] || failed=1
}

run engine .venv/bin/python -m pytest tests/engine tests/tools tests/test_layers.py tests/test_house.py
run plugin env QT_QPA_PLATFORM=offscreen .venv-qgis/bin/python -m pytest tests/plugin
run journeys env QT_QPA_PLATFORM=offscreen .venv-qgis/bin/python -m pytest tests/journeys

echo "── closing lines"
for name in "${names[@]}"; do
    printf '%-9s %s\n' "$name" "$(grep -E '(passed|failed|error|skipped|no tests ran)' "out/test/$name.txt" | tail -1)"
done
exit "$failed"

#!/bin/bash
# Run the plugin's tests with other QGIS versions, each in a root of its own made by mmdebstrap from Debian's archive, and
# the widgets under Qt 6; `tools/matrix.sh 3.40 qt6` runs some of them. Needs root's right to mount (CAP_SYS_ADMIN); says so and skips where that is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
root_of="$(pwd)/.cache/roots"
mkdir -p "$root_of" out/matrix
packages=qgis,python3-qgis,python3-venv,python3-pip,ca-certificates,fonts-open-sans,xvfb,xauth
failed=0
lines=()

can_mount() { [ "$(id -u)" -eq 0 ] && unshare -m true 2> /dev/null; }

build() {  # NAME SUITE: make the root unless it is there; python3-qgis of backports where there is one
    local root="$root_of/$1" suite="$2"
    [ -e "$root/.complete" ] && return 0
    rm -rf "$root"
    local sources=("deb http://deb.debian.org/debian $suite main")
    local options=()
    if [ -n "${3:-}" ]; then
        sources+=("deb http://deb.debian.org/debian $3 main")
        options+=("--essential-hook=printf 'Package: qgis* libqgis* python3-qgis*\nPin: release n=$3\nPin-Priority: 990\n' > \$1/etc/apt/preferences.d/qgis")
    fi
    printf '%s\n' "${sources[@]}" | unshare -m mmdebstrap --quiet --variant=apt --mode=root \
        --aptopt='APT::Install-Recommends "false"' --include="$packages" "${options[@]}" \
        --skip=cleanup/apt "$suite" "$root" - || return 1
    touch "$root/.complete"
}

run_in() {  # NAME COMMAND…: run in the root, with this folder at /src
    local root="$root_of/$1"; shift
    mkdir -p "$root/src"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    [ -e /etc/ssl/certs/ca-certificates.crt ] && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    unshare -m bash -c '
        root="$1"; shift
        mount --bind . "$root/src" && mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" &&
        exec chroot "$root" env -i HOME=/root PATH=/usr/bin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
            QT_QPA_PLATFORM=offscreen PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$@"' bash "$root" "$@"
}

test_version() {  # NAME SUITE [BACKPORTS]
    local name="$1" log="out/matrix/$1.txt"
    echo "── QGIS $name"
    if ! can_mount; then lines+=("$name skipped: mounting is not allowed here (needs root and CAP_SYS_ADMIN)"); return; fi
    tools/system.sh mmdebstrap=mmdebstrap || { lines+=("$name skipped: mmdebstrap is not installed"); return; }
    if ! build "$@" > "$log" 2>&1; then
        lines+=("$name skipped: its root could not be built, see $log"); return
    fi
    run_in "$name" bash -c '
        set -e
        [ -x /venv/bin/python ] || python3 -m venv --system-site-packages /venv
        /venv/bin/python -m pip install --quiet "pytest>=8.3" "pytest-qt>=4.4" "pytest-qgis>=2" "hypothesis>=6.110"
        cd /src
        /venv/bin/python -c "from qgis.core import Qgis; print(Qgis.QGIS_VERSION)"
        exec /venv/bin/python -m pytest -p no:cacheprovider tests/plugin' 2>&1 | tee "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
    lines+=("$name $(grep -E '(passed|failed|error)' "$log" | tail -1)")
}

test_qt6() {
    local log=out/matrix/qt6.txt shim="$root_of/3.44/usr/lib/python3/dist-packages/qgis/PyQt"
    echo "── Qt 6"
    if [ ! -d "$shim" ]; then lines+=("Qt 6 skipped: it needs the root of QGIS 3.44"); return; fi
    if [ ! -x .cache/qt6/bin/python ]; then
        .venv/bin/python -m venv .cache/qt6 && .cache/qt6/bin/python -m pip install --quiet PyQt6 pytest pytest-qt hypothesis || {
            lines+=("Qt 6 skipped: PyQt6 could not be installed"); return; }
    fi
    RIDGELINE_PYQT_SHIM="$shim" QT_QPA_PLATFORM=offscreen PYTEST_QT_API=pyqt6 \
        .cache/qt6/bin/python -m pytest -p no:cacheprovider tests/qt6 2>&1 | tee "$log"
    [ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
    lines+=("Qt 6 $(grep -E '(passed|failed|error)' "$log" | tail -1)")
}

wanted=" ${*:-3.22 3.40 3.44 qt6} "
[[ $wanted == *" 3.22 "* ]] && test_version 3.22 bookworm
[[ $wanted == *" 3.40 "* ]] && test_version 3.40 bookworm bookworm-backports
[[ $wanted == *" 3.44 "* ]] && test_version 3.44 trixie trixie-backports
[[ $wanted == *" qt6 "* ]] && test_qt6

echo "── closing lines"
printf '%s\n' "${lines[@]}"
exit "$failed"

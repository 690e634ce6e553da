#!/bin/bash
# Run the plugin's tests with other QGIS versions, each in a root of its own made by mmdebstrap from Debian's archive, and
# the widgets under Qt 6; `tools/matrix.sh 3.40 qt6` runs some of them. Needs root's right to mount (CAP_SYS_ADMIN); says
# so and skips where that is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
root_of="$(pwd)/.cache/roots"
mkdir -p "$root_of" out/matrix
packages=qgis,python3-qgis,python3-venv,python3-pip,ca-certificates,fonts-open-sans,xvfb,xauth
failed=0
lines=()

can_mount() { [ "$(id -u)" -eq 0 ] && unshare -m true 2> /dev/null; }

run_in() {  # NAME COMMAND…: run in the root, with this folder at /src
    local root="$root_of/$1"; shift
    mkdir -p "$root/src"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    [ -e /etc/ssl/certs/ca-certificates.crt ] && cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    unshare -m bash -c '
        root="$1"; shift
        # .venv is of this system, not of the root
        mount --bind . "$root/src" && { [ ! -d .venv ] || mount -t tmpfs none "$root/src/.venv"; } && mount -t proc proc "$root/proc" && mount --bind /dev "$root/dev" &&
        exec chroot "$root" env -i HOME=/ PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
            QT_QPA_PLATFORM=offscreen PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$@"' bash "$root" "$@"
}

build() {  # NAME SUITE [BACKPORTS BASE]: make the root unless it is there; that of backports is an upgraded copy of BASE
    local root="$root_of/$1"
    [ -e "$root/.complete" ] && return 0
    rm -rf "$root"
    if [ -n "${3:-}" ]; then
        build "$4" "$2" && cp -a "$root_of/$4" "$root" && rm "$root/.complete" || return 1
        echo "deb http://deb.debian.org/debian $3 main" > "$root/etc/apt/sources.list.d/backports.list"
        run_in "$1" env DEBIAN_FRONTEND=noninteractive bash -c "apt-get update -q &&
            apt-get install -y -q --no-install-recommends -t $3 qgis python3-qgis" || return 1
    else
        unshare -m mmdebstrap --quiet --variant=apt --mode=root --aptopt='APT::Install-Recommends "false"' \
            --include="$packages" --skip=cleanup/apt "$2" "$root" http://deb.debian.org/debian || return 1
    fi
    touch "$root/.complete"
}

test_version() {  # NAME SUITE [BACKPORTS BASE]
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
[[ $wanted == *" 3.40 "* ]] && test_version 3.40 trixie
[[ $wanted == *" 3.44 "* ]] && test_version 3.44 trixie trixie-backports 3.40
[[ $wanted == *" qt6 "* ]] && test_qt6

echo "── closing lines"
printf '%s\n' "${lines[@]}"
exit "$failed"

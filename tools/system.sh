#!/bin/bash
# Install packages of the operating system that are missing: `tools/system.sh PACKAGE=COMMAND-OR-FILE …`.
# A package is there if its command is on PATH or its file exists. Needs apt, and root or sudo.
set -euo pipefail

missing=()
for item in "$@"; do
    package="${item%%=*}" sign="${item#*=}"
    if [ "${sign:0:1}" = / ]; then compgen -G "$sign" > /dev/null || missing+=("$package")
    else command -v "$sign" > /dev/null || missing+=("$package"); fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get > /dev/null; then
    echo "These packages are missing: ${missing[*]}. Install them with the package manager of this system." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "These packages are missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing ${missing[*]} (this can take some minutes) …"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q > /dev/null || echo "apt-get update failed; going on with what is known." >&2
# of all that apt says, only how much it fetches and what goes wrong
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}" | sed -n 's/^Need to get/  fetching/p'

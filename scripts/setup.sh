#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/setup.sh [--preset NAME] [--no-packages] [--no-torch]

Makes a fresh Debian 12 ready to build: Debian packages (scripts/packages.txt),
libtorch in the user's cache folder, CMake configured for the preset (default: ci).
Needs root or sudo only while a package is missing. What is there already is left
alone, so a second run downloads nothing.

  --preset NAME   CMake preset to configure; "none" configures nothing
  --no-packages   do not look at Debian packages
  --no-torch      do not fetch libtorch (presets asan and tsan build without it)

Environment: ANTIPHON_LIBTORCH=DIR uses a libtorch that is already there.
HELP
}

preset=ci packages=yes torch=yes
while (($#)); do
  case $1 in
    --help) usage; exit 0 ;;
    --preset) preset=${2:?setup.sh: --preset needs a name}; shift ;;
    --preset=*) preset=${1#*=} ;;
    --no-packages) packages=no ;;
    --no-torch) torch=no ;;
    *) echo "setup.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done
cd "$(dirname "$0")/.."

say() { echo "setup: $*"; }

wanted_packages() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' scripts/packages.txt; }

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' |
    sed -n 's/^ii *//p' | sort -u)
  comm -23 <(wanted_packages | sort -u) <(echo "$installed")
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: install what scripts/packages.txt names yourself"
    return
  fi
  local missing as_root=()
  missing=$(missing_packages)
  [[ -n $missing ]] || { say "packages: all there"; return; }
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      echo "setup.sh: missing packages:" $missing "- run this as root" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  say "installing packages:" $missing
  "${as_root[@]}" apt-get update -q
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends $missing
  if grep -qx prometheus <<<"$missing" && [[ -d /run/systemd/system ]]; then
    say "Debian starts its own Prometheus on port 9090; tests use other ports." \
      "To stop it: systemctl disable --now prometheus"
  fi
}

[[ $packages == no ]] || install_packages
if [[ $torch == yes ]]; then
  libtorch=$(python3 scripts/fetch_libtorch.py)
  say "libtorch: $libtorch"
fi
if [[ $preset != none ]]; then
  say "configuring preset $preset"
  mkdir -p build
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log" >&2
    exit 1
  }
fi

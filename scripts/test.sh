#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/test.sh [REGEX]

Installs what is missing (scripts/setup.sh), builds everything and runs every test
that needs no GPU, or those whose name matches REGEX, two at a time; tests that judge
milliseconds have the machine to themselves.
Ends with ctest's summary; exit status 0 only if all passed.

Environment: ANTIPHON_PRESET=NAME builds another CMake preset than ci, whose folder
the demo shares (dev: the same without warnings as errors).
HELP
}

case ${1-} in
  --help) usage; exit 0 ;;
  -*) echo "test.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac
if (($# > 1)); then
  echo "test.sh: one REGEX at most; see --help" >&2
  exit 2
fi
cd "$(dirname "$0")/.."
preset=${ANTIPHON_PRESET:-ci}

scripts/setup.sh --preset "$preset"
echo "test: building preset $preset"
cmake --build --preset "$preset"
echo "test: running"
ctest --preset "$preset" --parallel 2 --no-tests=error ${1:+-R "$1"}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/tidy.sh [--size-only] [REGEX]

Runs clang-tidy over the sources whose path matches REGEX (default: all), with the
checks in .clang-tidy. Takes minutes. Exit status 1 if it finds something.

  --size-only   only the limit on the length of functions

Environment: ANTIPHON_PRESET=NAME takes the compile commands of another preset than
ci; it must have been built, since generated headers are needed.
HELP
}

checks=()
case ${1-} in
  --help) usage; exit 0 ;;
  --size-only) checks=('-checks=-*,readability-function-size'); shift ;;
  -*) echo "tidy.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
folder=build/${ANTIPHON_PRESET:-ci}
[[ -f $folder/compile_commands.json ]] || {
  echo "tidy.sh: no $folder/compile_commands.json; run scripts/test.sh first" >&2
  exit 1
}
log=$folder/tidy.log
run-clang-tidy -quiet -p "$folder" -j "$(nproc)" "${checks[@]}" \
  "^(?=.*${1-})$PWD/(common|edge|inference|tests)/" >"$log" 2>&1 || true
grep -q '^clang-tidy' "$log" || {
  echo "tidy.sh: no source matches '${1-}'" >&2
  exit 2
}
grep -E '(warning|error): .*\[' "$log" | sort -u | sed "s#^$PWD/##" || true
if grep -qE '(warning|error): ' "$log"; then
  echo "tidy: findings; all of it is in $log" >&2
  exit 1
fi
echo "tidy: nothing found"

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

# A line a bench: its program, and how the names of its rows begin.
benches() {
  cat <<'LIST'
follower_bench follower_
edge_bench pulse_work bar_boundary
emission_bench emission_error
hanging_notes_bench hanging_notes
tokenizer_bench tokenizer
starter_bench starter_bar starter_first_note
model_bench prefix_exact prefill_gemm decode_floor head_class sampler_cost
LIST
}

usage() {
  cat <<'HELP'
usage: scripts/bench.sh [NAME…]

Installs what is missing (scripts/setup.sh), builds preset release, runs the benches
and prints a table of their figures: all rows, or those whose name begins with a NAME.
Leaves them in build/bench.jsonl, one JSON object a line:
{"name","value","unit","target","holds"}; whether a row holds is computed again here
from its value and its target. What a bench says besides goes to build/bench-*.log.

Times are of this machine, as busy as it is: look at `uptime` first.
Exit status: 0 all rows with a target hold, 1 one does not, 2 wrong usage.

Rows:
HELP
  benches | while read -r program rows; do
    printf '  %-20s %s\n' "$program" "$rows"
  done
}

case ${1-} in
  --help) usage; exit 0 ;;
  -*) echo "bench.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

# Whether a bench with these rows has any that was asked for.
wanted() {
  local row name
  ((${#names[@]})) || return 0
  for row in "$@"; do
    for name in "${names[@]}"; do
      [[ $name == "$row"* || $row == "$name"* ]] && return 0
    done
  done
  return 1
}

names=("$@")
programs=()
while read -r program rows; do
  # One word a row.
  # shellcheck disable=SC2086
  if wanted $rows; then programs+=("$program"); fi
done < <(benches)
if ((${#programs[@]} == 0)); then
  echo "bench.sh: no row begins with '${names[*]}'; see --help" >&2
  exit 2
fi

scripts/setup.sh --preset release
echo "bench: building ${programs[*]}"
cmake --build --preset release --target "${programs[@]}"
for program in "${programs[@]}"; do
  echo "bench: running $program" >&2
  "build/release/bin/$program" 2>"build/bench-$program.log" || {
    echo "bench.sh: $program failed; see build/bench-$program.log" >&2
    exit 1
  }
done | python3 scripts/bench_table.py build/bench.jsonl "${names[@]}"

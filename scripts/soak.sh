#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

usage() {
  cat <<'HELP'
usage: scripts/soak.sh

What is too large for every run of the tests: --device=cuda with all of CUDA's
libraries. Fetches them once (2.5 GB to download, 3.1 GB in ~/.cache/antiphon), builds
preset release, and says what the plugin loads, how long that takes and what it finds.
With a GPU the tests of the model run on it, the logits of a random model are compared
with the CPU's and `antiphon-model bench` runs on both. Without one the last line says so.
Needs no root once scripts/setup.sh ran. x86_64 only.
Exit status: 0 the libraries load and, with a GPU, the tests pass and the logits agree;
1 otherwise.
HELP
}

case ${1-} in
  --help) usage; exit 0 ;;
  ?*) echo "soak.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."

say() { echo "soak: $*"; }

scripts/setup.sh --preset release
say "CUDA's libraries: $(python3 scripts/fetch_libtorch.py --cuda)"
say "building antiphon-model and the model's tests"
cmake --build --preset release --target antiphon-model inference_torch_model_test
bin=build/release/bin
missing=$(ldd $bin/libantiphon_cuda.so | awk '/not found/ { print $1 }')
if [[ -n $missing ]]; then
  echo "soak.sh: the plugin misses ${missing//$'\n'/ }" >&2
  exit 1
fi
ldd $bin/libantiphon_cuda.so | awk '/=> \// { print $3 }' | xargs du -Lbc |
  awk 'END { printf "soak: the plugin loads %d libraries, %.1f GB\n", NR - 1, $1 / 1e9 }'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
$bin/antiphon-model init --config=nano --out="$scratch/model" >"$scratch/log"
python3 -c 'import json; print(json.dumps({"tokens": [7 * i % 2000 for i in range(300)]}))' \
  >"$scratch/tokens.json"
logits() {
  $bin/antiphon-model logits --model="$scratch/model" --tokens="$scratch/tokens.json" \
    --device="$1" >"$scratch/$1.json" 2>"$scratch/$1.err"
}
logits cpu
begin=$(date +%s%N)
if ! logits cuda; then
  say "loaded in $((($(date +%s%N) - begin) / 1000000)) ms"
  if ! grep -q 'no GPU with a driver' "$scratch/cuda.err"; then
    cat "$scratch/cuda.err" >&2
    exit 1
  fi
  say "$(<"$scratch/cuda.err")"
  exit 0
fi
python3 - "$scratch/cpu.json" "$scratch/cuda.json" <<'PYTHON'
import json
import sys

cpu, cuda = (json.load(open(name))["last_logits"] for name in sys.argv[1:])
worst = max(abs(a - b) for a, b in zip(cpu, cuda)) / max(map(abs, cpu))
print(f"soak: logits of CPU and GPU differ by {worst:.2g} of the largest")
sys.exit(worst > 1e-3)
PYTHON
ANTIPHON_TEST_CUDA_PLUGIN=$bin/libantiphon_cuda.so \
  build/release/inference/model/inference_torch_model_test
for device in cpu cuda; do
  $bin/antiphon-model bench --model="$scratch/model" --device=$device
done
